//! The log of one call: lines become notes, and floods become a number.

use std::sync::Arc;

use crate::{
    limits,
    masking::Mask,
    outcome::{Note, NoteLevel},
    run_info::Share,
};

/// Collects the lines of one call of one action.
#[derive(Debug)]
pub(crate) struct CallLog {
    action: Arc<str>,
    share: Arc<Share>,
    notes: Vec<Note>,
    bytes: usize,
    dropped: usize,
    worst_dropped: NoteLevel,
}

impl CallLog {
    pub(crate) fn new(action: Arc<str>, share: Arc<Share>) -> Self {
        Self { action, share, notes: Vec::new(), bytes: 0, dropped: 0, worst_dropped: NoteLevel::Debug }
    }

    /// Takes a line, masked, shortened and on one line, unless the budget of the call or of the run is used up.
    pub(crate) fn line(&mut self, level: NoteLevel, message: &str, masks: &[&Mask]) {
        // An empty line takes room too; and what does not fit is not worth masking.
        let size = message.len().min(limits::LOG_LINE) + 16;
        if self.bytes + size > limits::LOG_CALL || !self.share.take_log(size) {
            self.dropped += 1;
            self.worst_dropped = self.worst_dropped.max(level);
            return;
        }
        self.bytes += size;
        let message = masks.iter().fold(message.to_owned(), |message, mask| mask.apply(&message));
        let message = one_line(&message, limits::LOG_LINE);
        self.notes.push(Note { level, action: self.action.to_string(), message });
    }

    /// Hands over what was collected and begins anew.
    pub(crate) fn take(&mut self) -> Vec<Note> {
        let mut notes = std::mem::take(&mut self.notes);
        if self.dropped > 0 {
            let message = format!("{} more lines are left out, the log is full", self.dropped);
            notes.push(Note { level: self.worst_dropped, action: self.action.to_string(), message });
        }
        self.bytes = 0;
        self.dropped = 0;
        self.worst_dropped = NoteLevel::Debug;
        notes
    }
}

/// Shortens a text to at most `max` bytes and puts it on one line.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    const MARK: &str = " [cut off]";
    let mut line = if text.len() <= max {
        text.to_owned()
    } else {
        format!("{}{MARK}", &text[..text.floor_char_boundary(max - MARK.len())])
    };
    if line.contains(['\n', '\r']) {
        line = line.replace(['\n', '\r'], " ");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_end_between_characters() {
        let line = one_line(&"ä".repeat(3000), 101);
        assert!(line.len() <= 101 && line.ends_with("ä [cut off]"), "{line}");
        assert_eq!(one_line("a\r\nb", 10), "a  b");
    }

    #[test]
    fn the_log_of_a_run_has_an_end() {
        let share = Arc::new(Share::default());
        let mut log = CallLog::new("a.example/b".into(), share);
        let line = "x".repeat(limits::LOG_LINE);
        let mut kept = 0;
        for _ in 0..2 * limits::LOG_RUN / limits::LOG_CALL {
            for _ in 0..limits::LOG_CALL / limits::LOG_LINE {
                log.line(NoteLevel::Info, &line, &[]);
            }
            kept += log.take().iter().filter(|note| note.message == line).count();
        }
        assert_eq!(kept, limits::LOG_RUN / (limits::LOG_LINE + 16));
    }
}
