//! Errors as one line of text, for status fields, journals and logs.

use std::error::Error;

/// The error and its sources, joined by `: `. A source that its error quotes already is not said twice.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Told {
        #[error("cannot do it")]
        Plain(#[source] std::io::Error),
        #[error("cannot do it: {0}")]
        Quoting(#[source] std::io::Error),
    }

    #[test]
    fn every_cause_is_said_once() {
        let cause = || std::io::Error::other("no disk");
        assert_eq!(error_chain(&Told::Plain(cause())), "cannot do it: no disk");
        assert_eq!(error_chain(&Told::Quoting(cause())), "cannot do it: no disk");
    }
}
