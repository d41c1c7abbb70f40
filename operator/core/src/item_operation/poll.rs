//! What an action's answer makes of an operation: one step of the waiting, for backups and restores alike.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{OperationPhase, OperationStatus, whole_seconds};

/// The error of an operation whose time is over; tools know the words.
pub const TIMED_OUT: &str = "Asynchronous action timed out";

/// What an action says about an operation; an error is a call that failed, or that there is no such action.
pub type Answer = Result<Progress, String>;

/// How far an operation is, as its action says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where it stands.
    pub state: OperationState,
    /// In `units`; 0 when unknown.
    pub done: u64,
    /// In `units`; 0 when unknown.
    pub total: u64,
    /// What is counted.
    pub units: String,
    /// For people.
    pub description: String,
    /// When the work started; none: not yet.
    pub started: Option<Timestamp>,
    /// What moment this is of; none: now.
    pub updated: Option<Timestamp>,
}

/// Where an operation stands, as its action says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OperationState {
    /// Waiting, or under way.
    #[default]
    Running,
    /// Ended well.
    Completed,
    /// Ended badly, for this reason.
    Failed(String),
}

/// What came of an answer beside the new status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether anything is other than before, the progress included.
    pub changed: bool,
    /// The error that the run has to count, with the action's name where that belongs to it.
    pub error: Option<String>,
    /// The time is over: the action is to be told. What it says to that changes nothing.
    pub cancel: bool,
}

impl OperationStatus {
    /// Takes in what an action answered at `now` about an operation that is running. It may take `timeout` from the moment it was created;
    /// an operation that never says when that was has its time from now on. Errors carry the action's name where one is given: those of
    /// backups do, those of restores do not.
    pub fn take_in(
        &mut self,
        action: Option<&str>,
        answer: Answer,
        now: Timestamp,
        timeout: Duration,
    ) -> Verdict {
        let before = self.clone();
        let failure = self.advance(answer, now, timeout);
        let cancel = failure.as_ref().is_some_and(|failure| failure.cancel);
        let error = failure.map(|Failure { reason, cancel }| {
            let told = action.map_or_else(|| reason.clone(), |action| format!("{reason}, plugin: {action}"));
            self.phase = OperationPhase::Failed;
            self.error = if cancel { reason } else { told.clone() };
            told
        });
        Verdict { changed: *self != before, error, cancel }
    }

    fn advance(&mut self, answer: Answer, now: Timestamp, timeout: Duration) -> Option<Failure> {
        let created = self.created.get_or_insert(Time(whole_seconds(now))).0;
        let failed = |reason| Some(Failure { reason, cancel: false });
        let progress = match answer {
            Ok(progress) => progress,
            Err(reason) => return failed(reason),
        };
        let Progress { state, done, total, units, description, started, updated } = progress;
        self.n_completed = i64::try_from(done).unwrap_or(i64::MAX);
        self.n_total = i64::try_from(total).unwrap_or(i64::MAX);
        self.operation_units = units;
        self.description = description;
        self.started = started.map(|at| Time(whole_seconds(at))).or(self.started.take());
        // Without a moment of its own an answer would count as news every time it is asked for.
        self.updated = match (updated, &state) {
            (Some(at), _) => Some(Time(whole_seconds(at))),
            (None, OperationState::Running) => self.updated.take(),
            (None, _) => Some(Time(whole_seconds(now))),
        };
        match state {
            OperationState::Failed(reason) => failed(reason),
            OperationState::Completed => {
                self.phase = OperationPhase::Completed;
                None
            }
            OperationState::Running if is_over(created, timeout, now) => {
                Some(Failure { reason: TIMED_OUT.to_owned(), cancel: true })
            }
            OperationState::Running => {
                if self.started.is_some() {
                    self.phase = OperationPhase::InProgress;
                }
                None
            }
        }
    }
}

struct Failure {
    reason: String,
    cancel: bool,
}

/// Whether an operation has had its time. A moment that the calendar does not have never comes.
fn is_over(created: Timestamp, timeout: Duration, now: Timestamp) -> bool {
    let timeout = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX);
    created.checked_add(timeout).is_ok_and(|end| end < now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_mins(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn begun() -> OperationStatus {
        OperationStatus { created: Some(Time(at(100))), ..OperationStatus::default() }
    }

    fn says(state: OperationState) -> Answer {
        Ok(Progress { state, ..Progress::default() })
    }

    type Case = (&'static str, Answer, i64, OperationPhase, Option<String>, &'static str, bool);

    #[test]
    fn every_answer_leads_to_its_phase() {
        let broken = OperationState::Failed("disk full".into());
        let error = |text: &str| Some(text.to_owned());
        let cases: [Case; 8] = [
            ("nothing yet", says(OperationState::Running), 110, OperationPhase::New, None, "", false),
            ("done", says(OperationState::Completed), 110, OperationPhase::Completed, None, "", false),
            (
                "done, but late",
                says(OperationState::Completed),
                999,
                OperationPhase::Completed,
                None,
                "",
                false,
            ),
            (
                "broken",
                says(broken),
                110,
                OperationPhase::Failed,
                error("disk full, plugin: t/a"),
                "disk full, plugin: t/a",
                false,
            ),
            (
                "no answer",
                Err("no such action".into()),
                110,
                OperationPhase::Failed,
                error("no such action, plugin: t/a"),
                "no such action, plugin: t/a",
                false,
            ),
            ("on the last second", says(OperationState::Running), 160, OperationPhase::New, None, "", false),
            (
                "over",
                says(OperationState::Running),
                161,
                OperationPhase::Failed,
                error("Asynchronous action timed out, plugin: t/a"),
                TIMED_OUT,
                true,
            ),
            (
                "at work",
                Ok(Progress { started: Some(at(105)), ..Progress::default() }),
                110,
                OperationPhase::InProgress,
                None,
                "",
                false,
            ),
        ];
        for (what, answer, now, phase, error, status_error, cancel) in cases {
            let mut status = begun();
            let verdict = status.take_in(Some("t/a"), answer, at(now), TIMEOUT);
            assert_eq!((status.phase, verdict.error, verdict.cancel), (phase, error, cancel), "{what}");
            assert_eq!(status.error, status_error, "{what}");
        }
    }

    #[test]
    fn errors_of_restores_are_told_without_the_action() {
        let mut status = begun();
        let verdict = status.take_in(None, Err("disk full".into()), at(110), TIMEOUT);
        assert_eq!((verdict.error.as_deref(), status.error.as_str()), (Some("disk full"), "disk full"));
    }

    #[test]
    fn progress_is_news_only_where_something_changed() {
        let mut status = begun();
        let answer = Ok(Progress {
            done: 5,
            total: u64::MAX,
            units: "Bytes".into(),
            description: "half of it".into(),
            started: Some(at(105)),
            ..Progress::default()
        });
        assert!(status.take_in(Some("t/a"), answer.clone(), at(110), TIMEOUT).changed);
        assert_eq!((status.n_completed, status.n_total), (5, i64::MAX));
        assert!(!status.take_in(Some("t/a"), answer, at(120), TIMEOUT).changed);
        // A start that was told once stays.
        status.take_in(Some("t/a"), says(OperationState::Completed), at(130), TIMEOUT);
        assert_eq!((status.started, status.updated), (Some(Time(at(105))), Some(Time(at(130)))));
    }

    #[test]
    fn an_operation_without_a_beginning_has_its_time_from_now_on() {
        let mut status = OperationStatus::default();
        assert!(status.take_in(Some("t/a"), says(OperationState::Running), at(500), TIMEOUT).changed);
        assert_eq!(status.created, Some(Time(at(500))));
        assert!(!is_over(Timestamp::MAX, TIMEOUT, Timestamp::MAX));
        assert!(!is_over(at(0), Duration::MAX, Timestamp::MAX));
    }
}
