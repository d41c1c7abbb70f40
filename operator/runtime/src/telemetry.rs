//! The server's own log, to standard error, as text or JSON.

use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, LogLevel};

/// Starts logging for the process. `LATEEN_LOG` (in the syntax of tracing's filters) overrules the level.
pub(crate) fn init(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warning => "warn",
        LogLevel::Error => "error",
    };
    // The libraries below say at `info` what is worth a line to their authors only, and kube calls every answer an error that our own
    // client is about to try again.
    let directives = format!("warn,kube_client=off,lateen={level}");
    let filter = EnvFilter::try_from_env("LATEEN_LOG").unwrap_or_else(|_| EnvFilter::new(directives));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        eprintln!("lateen: logging was started before: {error}");
    }
}
