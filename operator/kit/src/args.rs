//! The command line of `lateen actions`.

use std::{
    env,
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use lateen_actions::Role;

use crate::Paint;

/// `lateen actions`: what an author of item actions needs.
#[derive(Debug, Args)]
pub struct ActionsArgs {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colours; `auto` looks at the terminal and at NO_COLOR.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,

    /// Where compiled components are kept, so that the second time is fast; by default $XDG_CACHE_HOME/lateen/components.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

/// The same as a command of its own.
#[derive(Debug, Parser)]
#[command(name = "lateen actions")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) args: ActionsArgs,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that has them, unless NO_COLOR says otherwise.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl Color {
    /// What that means for standard output as it is now.
    pub fn paint(self) -> Paint {
        Paint(match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let unset = |name: &str| env::var_os(name).is_none_or(|value| value.is_empty());
                let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
                io::stdout().is_terminal() && unset("NO_COLOR") && !dumb
            }
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load actions as the server does, and tell what they are and what is wrong with them.
    Check(CheckArgs),
    /// Take items through one action and show what it does to them.
    Run(Box<RunArgs>),
    /// Run the golden cases of actions.
    Test(TestArgs),
    /// Print an action as ConfigMaps for `kubectl apply -f -`.
    Pack(PackArgs),
    /// List the actions of a cluster and what its server made of them.
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Folders with action.yaml, manifests, files of ConfigMaps, or components.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) component: ComponentArg,
}

#[derive(Debug, Args)]
pub(crate) struct ComponentArg {
    /// Read the component, or the script, from here instead of from beside action.yaml.
    #[arg(id = "component", long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Folder with action.yaml, manifest, or file of ConfigMaps.
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) component: ComponentArg,
    /// Items as YAML or JSON: one, several documents, or a List; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) item: PathBuf,
    /// Restore: the item as it is in the archive, if that differs.
    #[arg(long, value_name = "FILE")]
    pub(crate) original: Option<PathBuf>,
    /// Folder with objects as YAML or JSON files, which the action finds where it asks the cluster. Writes are dry runs.
    #[arg(long, value_name = "DIR")]
    pub(crate) cluster: Option<PathBuf>,
    /// What the action is asked; by default the first role of its manifest.
    #[arg(long, value_name = "ROLE")]
    pub(crate) on: Option<RoleArg>,
    /// Parameter of the action, over the one in the manifest; the value is YAML.
    #[arg(long = "param", value_name = "KEY=VALUE")]
    pub(crate) params: Vec<String>,
    /// Which action, where the file has several.
    #[arg(long, value_name = "NAME")]
    pub(crate) action: Option<String>,
    /// Restore: the namespace that the items would be created in.
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) target_namespace: Option<String>,
    /// Name of the Backup or Restore.
    #[arg(long, default_value = "trial", value_name = "NAME")]
    pub(crate) run_name: String,
    /// Feature flag that is on; may be repeated.
    #[arg(long = "feature", value_name = "FLAG")]
    pub(crate) features: Vec<String>,
    /// Plural of the items, with its group: `widgets.example.com`; for kinds that are not Kubernetes' own.
    #[arg(long, value_name = "PLURAL")]
    pub(crate) resource: Option<String>,
    /// What to show.
    #[arg(long, short, default_value = "diff", value_name = "FORM")]
    pub(crate) output: Output,
    /// Call this many times, on one instance, and measure.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) repeat: u32,
    /// Show the values of Secrets.
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

/// What `run` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// What changed.
    Diff,
    /// The item afterwards.
    Yaml,
    /// The same as JSON.
    Json,
    /// The change as a JSON patch.
    Patch,
}

/// A role on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleArg {
    Backup,
    Restore,
    Delete,
    RelatedItems,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Backup => Self::Backup,
            RoleArg::Restore => Self::Restore,
            RoleArg::Delete => Self::Delete,
            RoleArg::RelatedItems => Self::RelatedItems,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Folders of actions with `cases`, or trees of such folders.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) component: ComponentArg,
    /// Run only cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Write what comes out as what is expected, where they differ.
    #[arg(long)]
    pub(crate) update: bool,
    /// Where chance begins: for the order of the cases, and for what actions get from `random`.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// Folder with action.yaml, or manifest.
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) component: ComponentArg,
    /// Name of the ConfigMap; by default the part of the action's name after the slash.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Namespace of the server.
    #[arg(long, short = 'n', default_value = crate::delivery::NAMESPACE)]
    pub(crate) namespace: String,
    /// How to compress the component; `auto` takes what is smallest.
    #[arg(long, default_value = "auto", value_name = "HOW")]
    pub(crate) compress: Compress,
    /// Bytes of a component in one ConfigMap.
    #[arg(long, default_value_t = crate::limits::CHUNK, value_name = "BYTES", value_parser = chunk_size)]
    pub(crate) chunk_size: usize,
}

/// How a component is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compress {
    Auto,
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Namespace of the server.
    #[arg(long, short = 'n', default_value = crate::delivery::NAMESPACE)]
    pub(crate) namespace: String,
    /// Kubeconfig file; without it what kubectl would use.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// How to show them.
    #[arg(long, short, default_value = "table", value_name = "FORM")]
    pub(crate) output: ListOutput,
}

/// How `list` shows actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListOutput {
    Table,
    Json,
}

fn chunk_size(text: &str) -> Result<usize, String> {
    let bytes: usize = text.parse().map_err(|_| "not a number of bytes".to_owned())?;
    if (crate::limits::SMALLEST_CHUNK..=crate::limits::CONFIGMAP).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(format!("must be {} to {}", crate::limits::SMALLEST_CHUNK, crate::limits::CONFIGMAP))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
