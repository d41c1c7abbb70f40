//! Where a command writes to: results on one stream, what it has to say about them on the other, in colour where somebody looks.
//!
//! Text of actions and items is hostile here as everywhere: control characters never reach a terminal, which would obey them.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};

/// The streams of a command.
pub struct Screen<'a> {
    /// Results.
    pub out: &'a mut dyn Write,
    /// Remarks.
    pub err: &'a mut dyn Write,
    /// Colours for both.
    pub paint: Paint,
}

impl std::fmt::Debug for Screen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("paint", &self.paint).finish_non_exhaustive()
    }
}

impl Screen<'_> {
    /// A result; ends the line if it does not yet.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        write(self.out, text)
    }

    /// A remark.
    pub fn remark(&mut self, text: &str) -> io::Result<()> {
        write(self.err, text)
    }
}

fn write(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stream.write_all(b"\n")?;
    }
    stream.flush()
}

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(pub bool);

impl Paint {
    /// What went, or was added.
    pub fn green(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    /// What did not go, or was removed.
    pub fn red(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default(), text)
    }

    /// What deserves a look.
    pub fn yellow(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    /// Where one is.
    pub fn cyan(self, text: &str) -> String {
        self.with(AnsiColor::Cyan.on_default(), text)
    }

    /// Headings.
    pub fn bold(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    /// What one may read over.
    pub fn dim(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// The text on one line without anything that a terminal would obey.
pub fn line(text: &str) -> Cow<'_, str> {
    printable(text, |_| false)
}

/// The text with its lines, without anything else that a terminal would obey.
pub fn lines(text: &str) -> Cow<'_, str> {
    printable(text, |character| character == '\n')
}

fn printable(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let harmful = |character: char| {
        // Besides control characters those that turn the direction of writing, by which text can be made to look like another.
        (character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
            && !kept(character)
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if harmful(character) {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(line("a\u{1b}[31mb\nc\u{202e}d é"), "a\\u{1b}[31mb\\nc\\u{202e}d é");
        assert_eq!(lines("a\nb\r\n"), "a\nb\\r\n");
        assert_eq!(Paint(false).red("x"), "x");
        assert_eq!(Paint(true).red("x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
