//! The journal of a run: every line goes to the run's log, is counted by level and grouped for the results file.
//!
//! The journal has no clock and opens no file: a [`Sink`] at the edge adds the time, writes the log and tells the process's own log.
//! It is cheap to clone and may be written to from many threads; lines of one thread keep their order.

pub mod line;

use std::sync::{Arc, Mutex, PoisonError};

use crate::results::{Place, Results};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// The ordinary line.
    Info,
    /// Counts as a warning of the run.
    Warning,
    /// Counts as an error of the run.
    Error,
}

impl Level {
    /// As it stands in a log line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One line, without its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How much it matters.
    pub level: Level,
    /// What happened.
    pub message: String,
    /// Context, in the order given; a later value of a key wins.
    pub fields: Vec<(&'static str, String)>,
}

impl Entry {
    /// A line of that level.
    pub fn new(level: Level, message: impl Into<String>) -> Self {
        Self { level, message: message.into(), fields: Vec::new() }
    }

    /// An ordinary line.
    pub fn info(message: impl Into<String>) -> Self {
        Self::new(Level::Info, message)
    }

    /// A warning.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Level::Warning, message)
    }

    /// An error.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Level::Error, message)
    }

    /// With one more field of context.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.fields.push((key, value.to_string()));
        self
    }

    /// With the object that it is about: resource, namespace (empty for cluster-scoped objects) and name.
    #[must_use]
    pub fn about(self, resource: impl ToString, namespace: Option<&str>, name: &str) -> Self {
        self.with("resource", resource).with("namespace", namespace.unwrap_or_default()).with("name", name)
    }

    /// The value of a field.
    pub fn field(&self, key: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(k, _)| *k == key).map(|(_, v)| v.as_str())
    }

    /// The text of this line in the results file of a backup.
    pub fn result_text(&self) -> String {
        let mut text = String::new();
        for key in ["resource", "name"] {
            if let Some(value) = self.field(key) {
                text.push_str(&format!(" {key}: /{value}"));
            }
        }
        text.push_str(&format!(" message: /{}", self.message));
        if let Some(error) = self.field("error") {
            text.push_str(&format!(" error: /{error}"));
        }
        text
    }

    /// The group of this line in the results file: by its namespace where it has one.
    pub fn place(&self) -> Place {
        match self.field("namespace") {
            Some(namespace) => Place::of(Some(namespace)),
            None => Place::Run,
        }
    }
}

/// Where lines go. Called with the journal's lock held: lines arrive one at a time.
pub trait Sink: Send {
    /// Takes one line.
    fn line(&mut self, entry: &Entry);
}

/// Lines that nobody reads; counting goes on.
pub struct NoSink;

impl Sink for NoSink {
    fn line(&mut self, _: &Entry) {}
}

/// The journal of one run.
#[derive(Clone)]
pub struct Journal(Arc<Mutex<Inner>>);

struct Inner {
    sink: Box<dyn Sink>,
    results: Results,
    kept: usize,
    warnings: u64,
    errors: u64,
}

/// Messages kept for the results file. 10,000 messages of some 500 bytes are 5 MB of memory and still more than anybody reads; all are
/// counted, and all are in the log.
pub const RESULTS_LIMIT: usize = 10_000;

impl Journal {
    /// A journal that writes to `sink`.
    pub fn new(sink: impl Sink + 'static) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            sink: Box::new(sink),
            results: Results::default(),
            kept: 0,
            warnings: 0,
            errors: 0,
        })))
    }

    /// Writes a line. Warnings and errors are counted and kept for the results in the form of a backup's results file.
    pub fn write(&self, entry: Entry) {
        let mut inner = self.lock();
        inner.sink.line(&entry);
        if entry.level >= Level::Warning {
            let (place, text) = (entry.place(), entry.result_text());
            inner.keep(entry.level, &place, text);
        }
    }

    /// Writes a warning or error whose text in the results file is `message` itself, as a restore's results have it.
    pub fn result(&self, level: Level, place: &Place, message: impl Into<String>) {
        let message = message.into();
        let mut entry = Entry::new(level, message.clone());
        if let Place::Namespace(namespace) = place {
            entry = entry.with("namespace", namespace);
        }
        let mut inner = self.lock();
        inner.sink.line(&entry);
        inner.keep(level, place, message);
    }

    /// An ordinary line.
    pub fn info(&self, message: impl Into<String>) {
        self.write(Entry::info(message));
    }

    /// Warnings so far.
    pub fn warnings(&self) -> u64 {
        self.lock().warnings
    }

    /// Errors so far.
    pub fn errors(&self) -> u64 {
        self.lock().errors
    }

    /// The results so far.
    pub fn results(&self) -> Results {
        self.lock().results.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A sink that panicked has lost at most its own line; the counts are still right.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn keep(&mut self, level: Level, place: &Place, message: String) {
        let (count, messages) = match level {
            Level::Warning => (&mut self.warnings, &mut self.results.warnings),
            Level::Error => (&mut self.errors, &mut self.results.errors),
            Level::Debug | Level::Info => return,
        };
        *count += 1;
        self.kept += 1;
        match self.kept.cmp(&RESULTS_LIMIT) {
            std::cmp::Ordering::Less => messages.add(place, message),
            std::cmp::Ordering::Equal => {
                messages
                    .add(&Place::Run, format!("more than {RESULTS_LIMIT} messages: the rest is in the log"));
            }
            std::cmp::Ordering::Greater => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_grouped_by_namespace() {
        let journal = Journal::new(NoSink);
        journal.info("fine");
        journal.write(Entry::warning("odd").about("pods", Some("app"), "web"));
        journal.write(Entry::error("broken").about("nodes", None, "n1").with("error", "no answer"));
        journal.write(Entry::error("lost"));
        assert_eq!((journal.warnings(), journal.errors()), (1, 2));
        let results = journal.results();
        assert_eq!(results.warnings.namespaces["app"], [" resource: /pods name: /web message: /odd"]);
        assert_eq!(
            results.errors.cluster,
            [" resource: /nodes name: /n1 message: /broken error: /no answer"]
        );
        assert_eq!(results.errors.velero, [" message: /lost"]);
    }

    #[test]
    fn results_are_bounded_and_counts_are_not() {
        let journal = Journal::new(NoSink);
        for _ in 0..RESULTS_LIMIT + 5 {
            journal.result(Level::Warning, &Place::Cluster, "again");
        }
        assert_eq!(journal.warnings(), RESULTS_LIMIT as u64 + 5);
        assert_eq!(journal.results().warnings.count(), RESULTS_LIMIT);
    }
}
