//! A page of text in the making: headings, lines with a mark, and long sentences folded into the width.

use std::fmt::Write as _;

use lateen_core::restore::preview::Fate;
use lateen_kit::screen::Paint;

use super::View;

/// Where the text of an item begins, behind its mark.
const INDENT: usize = 4;

/// The text so far.
pub(super) struct Page {
    pub(super) view: View,
    text: String,
}

impl Page {
    pub(super) fn new(view: View) -> Self {
        Self { view, text: String::new() }
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// The heading of a section, and what there is to say about all of it.
    pub(super) fn heading(&mut self, title: &str, remark: &str) {
        let colon = if remark.is_empty() { "" } else { ":" };
        let title = self.view.paint.bold(&format!("{title}{colon}"));
        let remark =
            if remark.is_empty() { String::new() } else { format!(" {}", self.view.paint.dim(remark)) };
        self.line("");
        self.line(&format!("{title}{remark}"));
    }

    /// A sentence that stands for itself, folded.
    pub(super) fn paragraph(&mut self, text: &str) {
        for line in folded(text, self.view.width) {
            self.line(&line);
        }
    }

    /// A line with the mark of a fate.
    pub(super) fn item(&mut self, fate: Fate, text: &str) {
        let mark = painted(self.view.paint, fate, mark(fate));
        let _ = writeln!(self.text, "  {mark} {}", text.trim_end());
    }

    /// A sentence below an item, folded.
    pub(super) fn note(&mut self, text: &str) {
        for line in folded(text, self.view.width.saturating_sub(INDENT + 2)) {
            let _ = writeln!(self.text, "{:indent$}{line}", "", indent = INDENT + 2);
        }
    }

    /// A sentence of a section, with a hanging indent.
    pub(super) fn sentence(&mut self, text: &str) {
        for (number, line) in folded(text, self.view.width.saturating_sub(INDENT)).iter().enumerate() {
            let indent = if number == 0 { 2 } else { INDENT };
            let _ = writeln!(self.text, "{:indent$}{line}", "");
        }
    }

    /// Lines below an item that are not folded.
    pub(super) fn block(&mut self, text: &str) {
        for line in text.lines() {
            let _ = writeln!(self.text, "{:indent$}{line}", "", indent = INDENT + 2);
        }
    }

    /// The text.
    pub(super) fn end(self) -> String {
        self.text
    }
}

/// One character for a fate.
pub(super) fn mark(fate: Fate) -> &'static str {
    match fate {
        Fate::Create => "+",
        Fate::Update => "~",
        Fate::Unchanged => "=",
        Fate::Differs => "!",
        Fate::Skip => "-",
        Fate::Refuse => "x",
        Fate::Unknown => "?",
    }
}

/// In the colour of a fate.
pub(super) fn painted(paint: Paint, fate: Fate, text: &str) -> String {
    match fate {
        Fate::Create => paint.green(text),
        Fate::Update | Fate::Differs | Fate::Unknown => paint.yellow(text),
        Fate::Unchanged | Fate::Skip => paint.dim(text),
        Fate::Refuse => paint.red(text),
    }
}

/// `1 object`, `3 objects`.
pub(super) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The words of a text on lines of at most `width` characters; a longer word has a line of its own.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_folded_between_words() {
        assert_eq!(folded("one two  three", 7), ["one two", "three"]);
        assert_eq!(folded("unbreakable a b", 3), ["unbreakable", "a b"]);
        assert!(folded(" ", 3).is_empty());
    }
}
