//! `lateen restore plan`: what a restore would do, before it does anything.
//!
//! # Promises
//!
//! * Nothing in the cluster changes, but for a DownloadRequest, by which the server is asked for a link to the archive, and which is taken
//!   back. Everything else is a read or a dry run.
//! * It has the rights of whoever runs it and no others; what they do not allow to find out is told as such.
//! * The plan is that of the server: the same engine reads the same archive, with the item actions of the cluster.
//! * Exit codes: 0, nothing would fail; 1, something would fail; 2, there is no preview; 3, nothing that could be asked would fail, but not
//!   everything could be asked.
//! * What goes to a terminal obeys nobody, and values of Secrets are in no output.

mod args;
mod download;
mod error;
mod file;
mod files;
mod render;
mod request;
mod session;

use std::io;
use std::process::ExitCode;

use lateen_core::restore::preview::{Difference, Preview, Verdict};
use lateen_kit::screen::{Screen, lines};

pub use args::RestoreArgs;
pub use error::PlanError;

use args::{Command, Output, PlanArgs};
use render::View;

/// The columns of what is no terminal.
const WIDTH: usize = 120;

/// Carries out a parsed command on the streams of the process.
pub fn run(args: RestoreArgs) -> ExitCode {
    let Command::Plan(args) = args.command;
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let mut screen = Screen { out: &mut out, err: &mut err, paint: args.color.paint() };
    ExitCode::from(carry_out(&args, &mut screen))
}

fn carry_out(args: &PlanArgs, screen: &mut Screen<'_>) -> u8 {
    let result = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(plan(args, screen)),
        Err(error) => Err(PlanError::Runtime(error)),
    };
    match result {
        Ok(Verdict::Good) => 0,
        Ok(Verdict::WouldFail) => 1,
        Ok(Verdict::Incomplete) => 3,
        // Somebody has read enough, as `head` does.
        Err(PlanError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            let text = format!("{} {}", screen.paint.red("error:"), lines(&error.text()));
            // Where even this cannot be written there is nobody to tell.
            screen.remark(&text).ok();
            2
        }
    }
}

async fn plan(args: &PlanArgs, screen: &mut Screen<'_>) -> Result<Verdict, PlanError> {
    let restore = request::restore(args)?;
    let mut preview = Box::pin(session::preview(args, restore, screen)).await?;
    match args.output {
        Output::Json => screen.say(&json(&mut preview, args.diff)?)?,
        Output::Text => {
            let view = View {
                paint: screen.paint,
                width: args.width.unwrap_or_else(width),
                details: args.details,
                diff: args.diff,
            };
            screen.say(&render::text(&preview, view))?;
        }
    }
    Ok(preview.verdict)
}

/// The document; both states of what differs are long, and are in it only if they are asked for.
fn json(preview: &mut Preview, states: bool) -> Result<String, PlanError> {
    if !states {
        let objects = preview.kinds.iter_mut().flat_map(|kind| &mut kind.objects);
        objects.filter_map(|object| object.difference.as_mut()).for_each(Difference::forget_states);
    }
    serde_json::to_string_pretty(preview).map_err(PlanError::Json)
}

fn width() -> usize {
    let terminal = console::Term::stdout();
    terminal.size_checked().filter(|_| terminal.is_term()).map_or(WIDTH, |(_, columns)| columns.into())
}
