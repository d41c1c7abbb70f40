//! The command line: the flags of `velero restore create`, and those of the preview.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use lateen_api::GoDuration;
use lateen_kit::Color;

/// `lateen restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a restore would do to the cluster, without doing it.
    ///
    /// Takes the flags of `velero restore create`, or a Restore with -f. The backup's archive is fetched through the server, item actions run
    /// on this machine, and the API server is asked for dry runs, all with your own rights.
    ///
    /// Exit codes: 0, nothing would fail; 1, something would fail; 2, there is no preview; 3, nothing that could be asked would fail, but your
    /// rights do not allow to ask everything.
    Plan(Box<PlanArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Name of the restore; by default that of the backup or schedule with the time.
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) spec: SpecArgs,

    /// A Restore as YAML or JSON, instead of the flags; `-` is standard input.
    #[arg(long, short = 'f', value_name = "FILE", conflicts_with = "SpecArgs")]
    pub(crate) filename: Option<PathBuf>,

    /// How to print the preview.
    #[arg(long, short, default_value = "text", value_name = "FORM")]
    pub(crate) output: Output,
    /// List every object, and not only those that deserve a look.
    #[arg(long)]
    pub(crate) details: bool,
    /// Show the differences between the cluster and the backup.
    #[arg(long)]
    pub(crate) diff: bool,
    /// Columns of the text; by default those of the terminal.
    #[arg(long, value_name = "COLUMNS", value_parser = columns)]
    pub(crate) width: Option<usize>,
    /// When to use colours; `auto` looks at the terminal and at NO_COLOR.
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// What the Restore says.
#[derive(Debug, Default, Args)]
pub(crate) struct SpecArgs {
    /// Backup to restore from.
    #[arg(long, value_name = "NAME")]
    pub(crate) from_backup: Option<String>,
    /// Schedule whose newest completed backup to restore from.
    #[arg(long, value_name = "NAME")]
    pub(crate) from_schedule: Option<String>,
    /// With --from-schedule: take the newest backup even if it failed in part.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) allow_partially_failed: Option<bool>,
    /// Namespaces to restore, `*` for all.
    #[arg(long, value_name = "NAMESPACES", value_delimiter = ',')]
    pub(crate) include_namespaces: Vec<String>,
    /// Namespaces to leave out.
    #[arg(long, value_name = "NAMESPACES", value_delimiter = ',')]
    pub(crate) exclude_namespaces: Vec<String>,
    /// Other names for namespaces, as `in-the-backup:in-the-cluster`.
    #[arg(long, value_name = "MAPPINGS", value_delimiter = ',', value_parser = mapping)]
    pub(crate) namespace_mappings: Vec<(String, String)>,
    /// Kinds to restore, as `storageclasses.storage.k8s.io`, `*` for all.
    #[arg(long, value_name = "RESOURCES", value_delimiter = ',')]
    pub(crate) include_resources: Vec<String>,
    /// Kinds to leave out.
    #[arg(long, value_name = "RESOURCES", value_delimiter = ',')]
    pub(crate) exclude_resources: Vec<String>,
    /// Only objects with these labels.
    #[arg(long, short = 'l', value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,
    /// Only objects with the labels of one of these selectors, separated by ` or `.
    #[arg(long, value_name = "SELECTORS")]
    pub(crate) or_selector: Option<String>,
    /// Whether to restore cluster-scoped objects.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) include_cluster_resources: Option<bool>,
    /// Whether to restore volumes from snapshots.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) restore_volumes: Option<bool>,
    /// Whether Services keep their node ports.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) preserve_nodeports: Option<bool>,
    /// What becomes of objects that exist: `none` leaves them, `update` makes them what the backup has.
    #[arg(long, value_name = "POLICY")]
    pub(crate) existing_resource_policy: Option<String>,
    /// Kinds that are restored with their status.
    #[arg(long, value_name = "RESOURCES", value_delimiter = ',')]
    pub(crate) status_include_resources: Vec<String>,
    /// Kinds that are restored without their status.
    #[arg(long, value_name = "RESOURCES", value_delimiter = ',')]
    pub(crate) status_exclude_resources: Vec<String>,
    /// ConfigMap with rules by which objects are changed.
    #[arg(long, value_name = "NAME")]
    pub(crate) resource_modifier_configmap: Option<String>,
    /// How long operations of item actions may take.
    #[arg(long, value_name = "DURATION")]
    pub(crate) item_operation_timeout: Option<GoDuration>,
    /// Labels of the Restore, as `key=value`.
    #[arg(long, value_name = "LABELS", value_delimiter = ',', value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
    /// Annotations of the Restore, as `key=value`.
    #[arg(long, value_name = "ANNOTATIONS", value_delimiter = ',', value_parser = pair)]
    pub(crate) annotations: Vec<(String, String)>,
    /// Whether files of volumes are written without their holes; changes nothing in a preview.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    pub(crate) write_sparse_files: Option<bool>,
    /// How many files of a volume are fetched side by side; changes nothing in a preview.
    #[arg(long, value_name = "NUMBER", hide = true)]
    pub(crate) parallel_files_download: Option<i64>,
    /// There is nothing to wait for.
    #[arg(long, short, hide = true)]
    pub(crate) wait: bool,
}

/// Where the cluster and the archive are.
#[derive(Debug, Args)]
pub(crate) struct ConnectionArgs {
    /// Namespace of the server.
    #[arg(long, short = 'n', env = "VELERO_NAMESPACE", default_value = "velero")]
    pub(crate) namespace: String,
    /// Kubeconfig file; without it what kubectl would use.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; by default its current one.
    #[arg(long, value_name = "NAME")]
    pub(crate) kubecontext: Option<String>,
    /// How long to wait for the server's link to the archive.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = timeout)]
    pub(crate) timeout: Duration,
    /// File with certificates that the archive's server is trusted by, beside the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Fetch the archive from a server whose certificate proves nothing.
    #[arg(long)]
    pub(crate) insecure_skip_tls_verify: bool,
    /// Directory for the archive while the command runs; by default that for temporary files.
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch_dir: Option<PathBuf>,
    /// Where compiled item actions are kept, so that the second time is fast; by default $XDG_CACHE_HOME/lateen/components.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Order of kinds, if the server was started with one of its own.
    #[arg(long, value_name = "RESOURCES")]
    pub(crate) restore_resource_priorities: Option<String>,
    /// Feature flags that the server was started with.
    #[arg(long, value_name = "FLAGS", value_delimiter = ',')]
    pub(crate) features: Vec<String>,
}

/// How a preview is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.to_owned(), to.to_owned())),
        _ => Err("not two namespaces like shop:shop-copy".to_owned()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("not a key and a value like team=shop".to_owned()),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    let duration: GoDuration = text.parse().map_err(|_| "not a duration like 1m30s".to_owned())?;
    if duration < GoDuration::ZERO { Err("a negative time".to_owned()) } else { Ok(duration.to_std()) }
}

/// Narrower than this no name fits, wider nobody reads.
fn columns(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(columns) if (40..=1000).contains(&columns) => Ok(columns),
        _ => Err("must be 40 to 1000".to_owned()),
    }
}

#[cfg(test)]
mod tests;
