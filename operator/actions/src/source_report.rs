//! What became of a ConfigMap, for its author.

use std::fmt;

use crate::subject::Role;

/// What became of a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReport {
    /// The ConfigMap, `namespace/name`.
    pub source: String,
    /// The action, or what its author has to mend.
    pub outcome: Result<LoadedSource, SourceProblem>,
}

/// An action that runs from now on can use, or one that they have to do without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedSource {
    /// `<dns>/<name>`.
    pub name: String,
    /// The roles it is called in, or not called in.
    pub roles: Vec<Role>,
    /// SHA-256 of the unpacked component, or of the script, in hexadecimal; empty where it is switched off.
    pub digest: String,
    /// The manifest says `disabled: true`.
    pub switched_off: bool,
    /// The roles in which the server has an action of this name, which is not called now.
    pub replaces: Vec<Role>,
}

/// What is wrong with a ConfigMap, and what that means for runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProblem {
    /// What it means for runs.
    pub effect: Effect,
    /// For its author.
    pub reason: String,
}

/// What a problem means for runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nobody knows what the action is for: every run reports an error.
    Unreadable,
    /// What it matches fails by its failure policy.
    Fails,
    /// Parts are missing, and the last complete version stays in use.
    LastGood,
    /// Another ConfigMap has the name; this one does nothing.
    Ignored,
}

/// What became of a ConfigMap, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceState {
    /// Runs use it.
    Loaded,
    /// It keeps an action from being called.
    SwitchedOff,
    /// Parts are missing, and the last complete version stays in use.
    Incomplete,
    /// Another ConfigMap has the name.
    Ignored,
    /// It cannot be used, and what it is for fails.
    Refused,
}

impl SourceState {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Loaded, Self::SwitchedOff, Self::Incomplete, Self::Ignored, Self::Refused];
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loaded => "Loaded",
            Self::SwitchedOff => "SwitchedOff",
            Self::Incomplete => "Incomplete",
            Self::Ignored => "Ignored",
            Self::Refused => "Refused",
        })
    }
}

impl SourceReport {
    /// The same in one word.
    pub fn state(&self) -> SourceState {
        match &self.outcome {
            Ok(loaded) if loaded.switched_off => SourceState::SwitchedOff,
            Ok(_) => SourceState::Loaded,
            Err(problem) => match problem.effect {
                Effect::Unreadable | Effect::Fails => SourceState::Refused,
                Effect::LastGood => SourceState::Incomplete,
                Effect::Ignored => SourceState::Ignored,
            },
        }
    }
}

impl fmt::Display for SourceReport {
    /// One sentence for the author.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = |roles: &[Role]| roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match &self.outcome {
            Ok(loaded) => {
                let LoadedSource { name, digest, switched_off, replaces, roles: own } = loaded;
                if *switched_off {
                    write!(f, "item action {name} is switched off for {}", roles(own))?;
                } else {
                    write!(f, "item action {name} is loaded, sha256:{digest}")?;
                }
                match &replaces[..] {
                    [] => Ok(()),
                    replaced => write!(f, "; it takes the place of the built-in one for {}", roles(replaced)),
                }
            }
            Err(SourceProblem { reason, effect: Effect::LastGood }) => {
                write!(f, "{reason}; the last complete version stays in use")
            }
            Err(problem) => f.write_str(&problem.reason),
        }
    }
}
