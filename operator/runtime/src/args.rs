//! The command line: Velero's flag names wherever Velero has the flag, so that manifests and habits carry over.
//!
//! Flags of Velero that mean nothing here are accepted and told once in the log; flags whose feature does not exist yet are not listed,
//! so that using one is an error and not a silence.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use lateen_actions::compile::ChildLimits;
use lateen_actions::manifest::{Bytes, ClusterRule};
use lateen_api::GoDuration;
use lateen_api::duration::ParseDurationError;

/// Kubernetes backup and restore with sandboxed item actions.
#[derive(Debug, Parser)]
#[command(name = "lateen", version, about, args_override_self = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the backup server.
    Server(Box<ServerArgs>),
    /// Print the custom resource definitions as YAML.
    Crds,
    /// Turn a component on standard input into machine code on standard output; the server starts itself like this.
    #[command(hide = true)]
    CompileComponent {
        /// What it may take, as the server writes it.
        limits: ChildLimits,
    },
    /// What an author of item actions needs: check, run, test, pack and list them.
    Actions(lateen_kit::ActionsArgs),
    /// What a restore would do, before it does it.
    Restore(lateen_preview::RestoreArgs),
}

/// Flags of `lateen server`.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Namespace whose Backups, Restores and locations this server works on.
    #[arg(long, short = 'n', env = "VELERO_NAMESPACE", default_value = "velero")]
    pub namespace: String,

    /// Kubeconfig file; without it the pod's service account, or what kubectl would use.
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,

    /// How much the server's own log tells.
    #[arg(long, default_value = "info")]
    pub log_level: LogLevel,

    /// Form of the server's log and of the logs of runs.
    #[arg(long, default_value = "text")]
    pub log_format: LogFormat,

    /// Address of metrics and health: `host:port`, or `:port` for all interfaces.
    #[arg(long, default_value = ":8085", value_parser = listen_address)]
    pub metrics_address: SocketAddr,

    /// Location of backups that name none, unless a location is marked as default.
    #[arg(long, default_value = "default")]
    pub default_backup_storage_location: String,

    /// How long a backup is kept that does not say.
    #[arg(long, default_value = "720h", value_parser = go_duration)]
    pub default_backup_ttl: Duration,

    /// Whether the files of all pod volumes are copied in backups that do not say.
    #[arg(long, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub default_volumes_to_fs_backup: bool,

    /// Whether the content of CSI snapshots is copied to the repository in backups that do not say.
    #[arg(long, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub default_snapshot_move_data: bool,

    /// Snapshot locations of backups that name none, for providers that have several: `provider:location`, comma separated.
    #[arg(long, default_value = "", value_parser = snapshot_locations)]
    pub default_volume_snapshot_locations: SnapshotLocations,

    /// Label of claims that are snapshotted together, for backups that do not say.
    #[arg(long, default_value = lateen_api::labels::VOLUME_GROUP)]
    pub volume_group_snapshot_label_key: String,

    /// How many blocks of items a backup processes side by side; 0 for as many as the machine has processors.
    #[arg(long, default_value_t = 0)]
    pub item_block_worker_count: usize,

    /// How long asynchronous operations of a run may take that does not say.
    #[arg(long, default_value = "4h", value_parser = go_duration)]
    pub default_item_operation_timeout: Duration,

    /// How often actions are asked about their operations.
    #[arg(long, default_value = "10s", value_parser = go_duration)]
    pub item_operation_sync_frequency: Duration,

    /// How long to wait for a custom resource definition, a related object and the like.
    #[arg(long, default_value = "10m", value_parser = go_duration)]
    pub resource_timeout: Duration,

    /// How long a restore waits for a namespace that is going away.
    #[arg(long, default_value = "10m", value_parser = go_duration)]
    pub terminating_resource_timeout: Duration,

    /// How often locations are validated that do not say; 0 validates each once.
    #[arg(long, default_value = "1m", value_parser = go_duration)]
    pub store_validation_frequency: Duration,

    /// Objects per page of a list; 0 lists without pages.
    #[arg(long, default_value_t = 500)]
    pub client_page_size: u32,

    /// Order of kinds in a restore: a comma list, `-` before those that come last.
    #[arg(long)]
    pub restore_resource_priorities: Option<String>,

    /// Feature flags, comma separated.
    #[arg(long, default_value = "", value_delimiter = ',')]
    pub features: Vec<String>,

    /// Whether new schedules wait for their next time instead of starting at once.
    #[arg(long, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub schedule_skip_immediately: bool,

    /// Directory for what a run keeps on disk while it lasts.
    #[arg(long, env = "VELERO_SCRATCH_DIR")]
    pub scratch_dir: Option<PathBuf>,

    /// Directory where compiled item actions are kept from one start to the next; without it they are compiled at every start.
    #[arg(long)]
    pub action_cache_dir: Option<PathBuf>,

    /// Directory below which `file` locations live; without it there are none, and no download endpoint.
    #[arg(long)]
    pub file_store_root: Option<PathBuf>,

    /// Address of the download endpoint for `file` locations.
    #[arg(long, default_value = ":8086", value_parser = listen_address)]
    pub download_address: SocketAddr,

    /// How users reach the download endpoint, as it stands in signed URLs; by default the address itself.
    #[arg(long)]
    pub download_url: Option<url::Url>,

    /// Service account in the server's namespace in whose name item actions ask the cluster; the server must be allowed to impersonate it.
    #[arg(long)]
    pub action_service_account: Option<String>,

    /// What item actions from ConfigMaps may ask of the cluster if their manifest asks for it, as `verbs:kinds` or `verbs:kinds:namespaces`:
    /// 'get,list:pods,*.apps:team-*'. Repeatable. `*` never means Secrets, nor on writing velero.io and RBAC; ConfigMaps that carry an item
    /// action are written only where they are named as item-actions.lateen.dev.
    #[arg(long, requires = "action_service_account")]
    pub action_cluster_access: Vec<ClusterRule>,

    /// Most memory that the manifest of an item action may ask for, for one instance of it.
    #[arg(long, default_value = "512Mi")]
    pub action_memory_ceiling: Bytes,

    /// Longest that the manifest of an item action may ask its own code to run in one call.
    #[arg(long, default_value = "10s", value_parser = go_duration)]
    pub action_time_ceiling: Duration,

    /// Memory of all instances of item actions together.
    #[arg(long, default_value = "1Gi")]
    pub action_total_memory: Bytes,

    /// AWS credentials file of locations that name no Secret.
    #[arg(long, env = "AWS_SHARED_CREDENTIALS_FILE", hide = true)]
    pub aws_shared_credentials_file: Option<PathBuf>,

    #[command(flatten)]
    ignored: IgnoredArgs,
}

/// Flags that Velero's installer and charts set and that mean nothing here, or govern a part that this version does not have.
#[derive(Debug, Args)]
struct IgnoredArgs {
    #[arg(long, hide = true)]
    plugin_dir: Option<String>,
    #[arg(long, hide = true)]
    profiler_address: Option<String>,
    #[arg(long, hide = true)]
    backup_sync_period: Option<String>,
    #[arg(long, hide = true)]
    garbage_collection_frequency: Option<String>,
    #[arg(long, hide = true)]
    uploader_type: Option<String>,
    #[arg(long, hide = true)]
    client_qps: Option<String>,
    #[arg(long, hide = true)]
    client_burst: Option<String>,
}

impl ServerArgs {
    /// The flags that were given and have no effect, for the log.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let IgnoredArgs {
            plugin_dir,
            profiler_address,
            backup_sync_period,
            garbage_collection_frequency,
            uploader_type,
            client_qps,
            client_burst,
        } = &self.ignored;
        let all = [
            ("--plugin-dir", plugin_dir),
            ("--profiler-address", profiler_address),
            ("--backup-sync-period", backup_sync_period),
            ("--garbage-collection-frequency", garbage_collection_frequency),
            ("--uploader-type", uploader_type),
            ("--client-qps", client_qps),
            ("--client-burst", client_burst),
        ];
        all.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect()
    }
}

/// Levels of the server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)] // the names say it
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    #[value(alias = "warn")]
    Warning,
    #[value(aliases = ["fatal", "panic"])]
    Error,
}

/// Forms of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `key=value` lines.
    Text,
    /// One JSON object a line.
    Json,
}

fn go_duration(text: &str) -> Result<Duration, String> {
    let duration: GoDuration = text.parse().map_err(|e: ParseDurationError| e.to_string())?;
    if duration < GoDuration::ZERO {
        Err("a negative duration has no meaning here".to_owned())
    } else {
        Ok(duration.to_std())
    }
}

/// Provider -> name of the snapshot location that is taken where there are several.
pub type SnapshotLocations = BTreeMap<String, String>;

fn snapshot_locations(text: &str) -> Result<SnapshotLocations, String> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let pairs = entries.map(|entry| match entry.split_once(':') {
        Some((provider, location)) if !provider.is_empty() && !location.is_empty() => {
            Ok((provider.to_owned(), location.to_owned()))
        }
        _ => Err(format!("{entry:?} is not a provider and a location like aws:default")),
    });
    pairs.collect()
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.replace("localhost:", "127.0.0.1:")
    };
    full.parse().map_err(|_| format!("{text:?} is not an address like 127.0.0.1:8085 or :8085"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use lateen_actions::compile::COMPILE_COMMAND;

    use super::*;

    fn server(args: &[&str]) -> Result<Box<ServerArgs>, String> {
        let all = ["lateen", "server"].into_iter().chain(args.iter().copied());
        match Cli::try_parse_from(all).map_err(|e| e.to_string())?.command {
            Command::Server(args) => Ok(args),
            _ => Err("not a server".into()),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_veleros_installer_writes_is_understood() {
        let args = server(&[
            "--features=",
            "--uploader-type=kopia",
            "--default-backup-ttl=72h0m0s",
            "--metrics-address",
            ":9000",
        ])
        .unwrap();
        assert_eq!(args.default_backup_ttl, Duration::from_hours(72));
        assert_eq!(args.metrics_address.to_string(), "0.0.0.0:9000");
        assert_eq!(args.without_effect(), ["--uploader-type"]);
    }

    #[test]
    fn the_server_starts_itself_as_a_compiler() {
        let limits = ChildLimits { memory: 1, cpu_seconds: 2, code: 3 };
        let command = Cli::try_parse_from(["lateen", COMPILE_COMMAND, &limits.to_string()]).unwrap().command;
        assert!(matches!(command, Command::CompileComponent { limits: parsed } if parsed == limits));
        assert!(Cli::try_parse_from(["lateen", COMPILE_COMMAND, "1:2"]).is_err());
    }

    #[test]
    fn access_for_actions_needs_an_account() {
        let rule = "--action-cluster-access=get,list:pods,*.apps:team-*";
        let args = server(&[rule, "--action-cluster-access=get:nodes", "--action-service-account=actions"]);
        let told: Vec<String> = args.unwrap().action_cluster_access.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["get,list:pods,*.apps:team-*", "get:nodes"]);
        let error = server(&[rule]).unwrap_err();
        assert!(error.contains("--action-service-account"), "{error}");
        let error =
            server(&["--action-service-account=a", "--action-cluster-access=watch:pods"]).unwrap_err();
        assert!(error.contains("\"watch\" is no verb"), "{error}");
    }

    #[test]
    fn defaults_of_backups_can_be_set() {
        let none = server(&["--default-volume-snapshot-locations="]).unwrap();
        assert!(!none.default_volumes_to_fs_backup && none.default_volume_snapshot_locations.is_empty());
        let set = server(&[
            "--default-volumes-to-fs-backup",
            "--default-snapshot-move-data=true",
            "--default-volume-snapshot-locations=aws:east,velero.io/gcp:west",
            "--item-block-worker-count=3",
        ])
        .unwrap();
        assert!(set.default_volumes_to_fs_backup && set.default_snapshot_move_data);
        assert_eq!(set.default_volume_snapshot_locations["velero.io/gcp"], "west");
        assert_eq!(set.item_block_worker_count, 3);
        let error = server(&["--default-volume-snapshot-locations=aws"]).unwrap_err();
        assert!(error.contains("\"aws\" is not a provider and a location"), "{error}");
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in
            [["--default-backup-ttl", "3 days"], ["--metrics-address", "everywhere"], ["--log-level", "loud"]]
        {
            assert!(server(&bad).is_err(), "{bad:?}");
        }
    }
}
