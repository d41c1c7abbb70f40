//! The kit of an action's author: `lateen actions check`, `run`, `test`, `pack` and `list`.
//!
//! # Promises
//!
//! * An action does here what it does in a server: the same host loads and calls it, with the same limits.
//! * Exit codes: 0, all is well; 1, an action has a problem, failed, or did not do what a case expects; 2, the command could not do its work.
//! * What goes to a terminal obeys nobody: control characters are escaped, values of Secrets are masked.
//!
//! What every command for people needs is public: the screen, differences, and the cache of compiled components.
//!
//! # What it never does
//!
//! It does not change a cluster, and asks one only in `list`, where it leaves a question and takes it back. It writes no file but the expectations of
//! cases, when told to, and a cache of compiled components.

mod args;
mod case;
mod check;
pub mod code_cache;
mod delivery;
pub mod diff;
mod error;
mod file;
mod folder_cluster;
mod item;
mod limits;
mod list;
mod measure;
mod pack;
mod resource;
mod run;
pub mod screen;
mod test;
mod workbench;

use std::{ffi::OsString, io, process::ExitCode};

use clap::Parser;
use lateen_core::secret;

pub use args::{ActionsArgs, Color};
pub use error::KitError;
pub use screen::{Paint, Screen};
pub use workbench::every_request;

use args::{Cli, Command};

/// How a command ended that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    Bad,
}

/// Carries out a parsed command on the streams of the process.
pub fn run(args: ActionsArgs) -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let mut screen = Screen { out: &mut out, err: &mut err, paint: args.color.paint() };
    ExitCode::from(carry_out(args, &mut screen))
}

/// Parses and carries out a command: `args` begins with the program's name, then `check` and so on. Returns the exit code.
///
/// Colours are those of the screen, whatever `--color` says.
pub fn main_with(args: impl IntoIterator<Item = impl Into<OsString> + Clone>, screen: &mut Screen<'_>) -> u8 {
    match Cli::try_parse_from(args) {
        Ok(cli) => carry_out(cli.args, screen),
        Err(error) => {
            let text = error.render().to_string();
            // `--help` is no error.
            let (told, code) =
                if error.use_stderr() { (screen.remark(&text), 2) } else { (screen.say(&text), 0) };
            told.map_or(2, |()| code)
        }
    }
}

fn carry_out(args: ActionsArgs, screen: &mut Screen<'_>) -> u8 {
    let compile = &code_cache::options(args.cache_dir.as_deref());
    let result = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            match args.command {
                Command::Check(args) => check::check(&args, compile, screen).await,
                Command::Run(args) => run::run(&args, compile, screen).await,
                Command::Test(args) => test::test(&args, compile, screen).await,
                Command::Pack(args) => pack::pack(&args, compile, screen).await,
                Command::List(args) => list::list(&args, screen).await,
            }
        }),
        Err(error) => Err(KitError::Usage(format!("cannot start the async runtime: {error}"))),
    };
    match result {
        Ok(Verdict::Good) => 0,
        Ok(Verdict::Bad) => 1,
        // Somebody has read enough, as `head` does.
        Err(KitError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            let text = format!("{} {}", screen.paint.red("error:"), screen::lines(&error.to_string()));
            // Where even this cannot be written there is nobody to tell.
            screen.remark(&text).ok();
            2
        }
    }
}
