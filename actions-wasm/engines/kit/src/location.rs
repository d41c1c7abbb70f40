//! Where in a script something is wrong.

use std::fmt;

/// A place in a text, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Position {
    /// The place of a byte offset; behind the end it is the end.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..text.floor_char_boundary(offset)).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// The form of all script errors: `<script name>:<line>:<column>: <message>`, or without a place where the language does not know it.
pub fn located(script: &str, position: Option<Position>, message: impl fmt::Display) -> String {
    match position {
        Some(position) => format!("{script}:{position}: {message}"),
        None => format!("{script}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let text = "a\nßb\n";
        let places = [(0, "1:1"), (1, "1:2"), (2, "2:1"), (3, "2:1"), (4, "2:2"), (6, "3:1"), (99, "3:1")];
        for (offset, expected) in places {
            assert_eq!(Position::of(text, offset).to_string(), expected, "{offset}");
        }
        assert_eq!(located("s.jq", Some(Position::of(text, 4)), "no"), "s.jq:2:2: no");
        assert_eq!(located("s.jq", None, "no"), "s.jq: no");
    }
}
