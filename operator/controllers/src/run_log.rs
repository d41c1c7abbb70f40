//! The log file of a run: every line of the journal, compressed as it comes, in a file of the scratch directory until it is uploaded.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use lateen_core::journal::line::{self, Format};
use lateen_core::journal::{Entry, Journal, Level, Sink};
use lateen_store::{BackupStore, Key, StoreError, Upload};

/// Why a run has no log.
#[derive(Debug, thiserror::Error)]
pub enum RunLogError {
    /// The scratch directory cannot be written to.
    #[error("cannot create the log file of the run in {0}")]
    Create(String, #[source] std::io::Error),
    /// A line could not be written; the disk may be full.
    #[error("cannot write the log file of the run")]
    Write(#[source] std::io::Error),
    /// The store did not take it.
    #[error("cannot upload the log of the run")]
    Upload(#[from] StoreError),
}

/// Bytes of uncompressed log that one run keeps: 300,000 objects with a line of 250 bytes each are 75 MB. What comes after is counted
/// and goes to the server's own log only.
const LOG_LIMIT: u64 = 1 << 30;

/// Bytes of a log read at once on its way to the store.
const CHUNK: usize = 256 << 10;

/// The log of one run, being written.
#[derive(Debug)]
pub struct RunLog {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    file: Option<GzEncoder<BufWriter<File>>>,
    /// The file, once it has ended.
    ended: Option<File>,
    written: u64,
    failure: Option<std::io::Error>,
}

/// Which run a log belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// A Backup.
    Backup,
    /// A Restore.
    Restore,
}

struct LogSink {
    state: Arc<Mutex<State>>,
    format: Format,
    kind: RunKind,
    run: String,
}

impl RunLog {
    /// Opens a log in `scratch` and the journal that writes to it. `run` is `namespace/name`.
    pub fn create(
        scratch: &Path,
        format: Format,
        kind: RunKind,
        run: &str,
    ) -> Result<(Self, Journal), RunLogError> {
        let told = |source| RunLogError::Create(scratch.display().to_string(), source);
        let file = tempfile::tempfile_in(scratch).map_err(told)?;
        let file = Some(GzEncoder::new(BufWriter::new(file), Compression::default()));
        let state = Arc::new(Mutex::new(State { file, ended: None, written: 0, failure: None }));
        let sink = LogSink { state: Arc::clone(&state), format, kind, run: run.to_owned() };
        Ok((Self { state }, Journal::new(sink)))
    }

    /// Ends the log and stores it under this key. It can be stored again, where that has failed.
    pub async fn upload(&self, store: &BackupStore, key: &Key) -> Result<(), RunLogError> {
        let upload = store.upload(key).await?;
        self.send(upload).await
    }

    /// Ends the log, sends it behind what an upload has already, and ends that too.
    pub async fn send(&self, mut upload: Upload) -> Result<(), RunLogError> {
        self.write_to(&mut upload).await?;
        upload.finish().await?;
        Ok(())
    }

    /// Ends the log, and sends it behind what an upload has already.
    pub async fn write_to(&self, upload: &mut Upload) -> Result<(), RunLogError> {
        let mut file = self.finish()?;
        loop {
            let mut chunk = vec![0; CHUNK];
            let read = file.read(&mut chunk).map_err(RunLogError::Write)?;
            if read == 0 {
                break;
            }
            chunk.truncate(read);
            upload.write(chunk.into()).await?;
        }
        Ok(())
    }

    /// Ends the file and gives it back, at its beginning. Lines that come later go to the server's own log only.
    fn finish(&self) -> Result<File, RunLogError> {
        use std::io::Seek;

        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &state.failure {
            return Err(RunLogError::Write(std::io::Error::new(failure.kind(), failure.to_string())));
        }
        if let Some(encoder) = state.file.take() {
            let buffered = encoder.finish().map_err(RunLogError::Write)?;
            let file = buffered.into_inner().map_err(|e| RunLogError::Write(e.into_error()))?;
            state.ended = Some(file);
        }
        let ended = state.ended.as_ref();
        let ended = ended.ok_or_else(|| RunLogError::Write(std::io::Error::other("the log was not kept")))?;
        let mut file = ended.try_clone().map_err(RunLogError::Write)?;
        file.rewind().map_err(RunLogError::Write)?;
        Ok(file)
    }
}

impl Sink for LogSink {
    fn line(&mut self, entry: &Entry) {
        self.trace(entry);
        if entry.level == Level::Debug {
            return;
        }
        let key = match self.kind {
            RunKind::Backup => "backup",
            RunKind::Restore => "restore",
        };
        let now = Timestamp::now();
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
        let text = line::render(self.format, &now, (key, &self.run), entry);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).write(&text);
    }
}

impl LogSink {
    /// The same line in the server's own log.
    fn trace(&self, entry: &Entry) {
        let kind = match self.kind {
            RunKind::Backup => "backup",
            RunKind::Restore => "restore",
        };
        let fields = entry.fields.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ");
        let (run, message) = (self.run.as_str(), entry.message.as_str());
        match entry.level {
            Level::Debug => tracing::debug!(kind, run, fields, "{message}"),
            // One line for every item is for the run's own log, not for the server's.
            Level::Info => tracing::debug!(kind, run, fields, "{message}"),
            Level::Warning => tracing::warn!(kind, run, fields, "{message}"),
            Level::Error => tracing::error!(kind, run, fields, "{message}"),
        }
    }
}

impl State {
    fn write(&mut self, text: &str) {
        if self.failure.is_some() || self.written > LOG_LIMIT {
            return;
        }
        let Some(file) = self.file.as_mut() else { return };
        self.written += text.len() as u64;
        let last = self.written > LOG_LIMIT;
        let result = file.write_all(text.as_bytes()).and_then(|()| {
            if last { file.write_all(b"level=warning msg=\"the log of this run is full; what follows is in the server's log\"\n") } else { Ok(()) }
        });
        self.failure = result.err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_journal_says_is_in_the_file() {
        let scratch = tempfile::tempdir().unwrap();
        let (log, journal) =
            RunLog::create(scratch.path(), Format::Text, RunKind::Backup, "velero/b").unwrap();
        journal.info("one");
        journal.write(Entry::error("two"));
        let mut text = String::new();
        flate2::read::GzDecoder::new(log.finish().unwrap()).read_to_string(&mut text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with(" level=error msg=two backup=velero/b"), "{}", lines[1]);
        journal.info("after the end");
        let mut again = String::new();
        flate2::read::GzDecoder::new(log.finish().unwrap()).read_to_string(&mut again).unwrap();
        assert_eq!(again, text);
    }
}
