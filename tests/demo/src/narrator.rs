//! What the demo says: numbered steps with the time they began at, and below each what happened, in one calm column.
//!
//! Colours only on a terminal, and not when `NO_COLOR` is set.

use std::env;
use std::io::{IsTerminal as _, stdout};
use std::time::Instant;

/// Bold, dimmed, green: the few that a terminal of any theme shows well.
#[derive(Clone, Copy)]
enum Ink {
    Bold,
    Dim,
    Good,
}

/// Prints the story.
pub(crate) struct Narrator {
    start: Instant,
    step: u32,
    in_colour: bool,
    /// What stands before every line that is not a heading.
    indent: &'static str,
}

impl Narrator {
    /// The clock starts now.
    pub(crate) fn new() -> Self {
        let in_colour = stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
        Self { start: Instant::now(), step: 0, in_colour, indent: "    " }
    }

    /// The first line.
    pub(crate) fn title(&self, text: &str) {
        println!("\n{}", self.ink(Ink::Bold, text));
    }

    /// Begins a step.
    pub(crate) fn step(&mut self, text: &str) {
        self.step += 1;
        let time = format!("[{:4.1} s]", self.seconds());
        println!(
            "\n{} {}",
            self.ink(Ink::Dim, &time),
            self.ink(Ink::Bold, &format!("{}. {text}", self.step))
        );
    }

    /// A remark.
    pub(crate) fn say(&self, text: &str) {
        for line in text.lines() {
            println!("{}{line}", self.indent);
        }
    }

    /// A command, as a user would type it.
    pub(crate) fn command(&self, command: &str) {
        println!("{}{}", self.indent, self.ink(Ink::Good, &format!("$ {command}")));
    }

    /// What a program said, or what is in a file.
    pub(crate) fn quote(&self, text: &str) {
        for line in text.lines() {
            println!("{}{}", self.indent, self.ink(Ink::Dim, &format!("| {line}")));
        }
    }

    /// That something is as it should be.
    pub(crate) fn proof(&self, text: &str) {
        println!("{}{} {text}", self.indent, self.ink(Ink::Good, "ok"));
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Good => 32,
        };
        if self.in_colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
