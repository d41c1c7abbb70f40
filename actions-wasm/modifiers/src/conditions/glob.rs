//! Patterns of kinds and namespaces, in the syntax that Velero has for them.
//!
//! | pattern | what it stands for |
//! |---|---|
//! | `*` | any number of characters, of a kind none of them a dot |
//! | `**` | any number of characters |
//! | `?` | one character, of a kind no dot |
//! | `[abc]`, `[a-z]`, `[!abc]` | one of these, or one that is none of them |
//! | `{a,b}` | either; patterns themselves |
//! | `\*` | the character |

use regex_lite::Regex;

/// What `*` and `?` do not cross.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// `deployments.apps`.
    Dot,
    None,
}

/// A pattern as a regular expression for the whole text.
pub(super) fn glob(field: &str, pattern: &str, separator: Separator) -> Result<Regex, String> {
    let fault = || format!("{field}: {pattern:?} is not a pattern such as *.apps, team-? or {{one,other}}");
    let text = translate(pattern, separator).ok_or_else(fault)?;
    Regex::new(&text).map_err(|_| fault())
}

fn translate(pattern: &str, separator: Separator) -> Option<String> {
    let one = if separator == Separator::Dot { "[^.]" } else { "(?s:.)" };
    let mut out = String::from("^(?:");
    let mut depth = 0_u32;
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => out.push_str("(?s:.)*"),
            '*' => out.extend([one, "*"]),
            '?' => out.push_str(one),
            '[' => set(&mut rest, &mut out)?,
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            ',' if depth > 0 => out.push('|'),
            '}' => {
                depth = depth.checked_sub(1)?;
                out.push(')');
            }
            ']' => return None,
            '\\' => out.push_str(&regex_lite::escape(&rest.next()?.to_string())),
            c => out.push_str(&regex_lite::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    (depth == 0).then(|| out + ")$")
}

/// What stands in brackets.
fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Option<()> {
    out.push('[');
    if rest.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let mut empty = true;
    loop {
        let c = match rest.next()? {
            ']' if empty => return None,
            ']' => break,
            '\\' => rest.next()?,
            '-' => {
                out.push('-');
                continue;
            }
            c => c,
        };
        empty = false;
        if !c.is_alphanumeric() {
            out.push('\\');
        }
        out.push(c);
    }
    out.push(']');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_matched_between_their_dots() {
        let cases = [
            ("pods", "pods", true),
            ("pods", "pods.metrics.k8s.io", false),
            ("*", "pods", true),
            ("*", "deployments.apps", false),
            ("*.apps", "deployments.apps", true),
            ("*.*", "deployments.apps", true),
            ("*.*", "pods", false),
            // One dot only, whatever Velero's documentation says.
            ("*.*", "ingresses.networking.k8s.io", false),
            ("**", "ingresses.networking.k8s.io", true),
            ("**", "pods", true),
            ("ingresses.**", "ingresses.networking.k8s.io", true),
            ("deploy*.apps", "deployments.apps", true),
            ("{pods,deployments.apps}", "deployments.apps", true),
            ("{pods,*.apps}", "statefulsets.apps", true),
            ("{pods,*.apps}", "services", false),
            ("pod?", "pods", true),
            ("pods?apps", "pods.apps", false),
            ("[a-q]ods", "pods", true),
            ("[!a-q]ods", "pods", false),
            ("pods.[m]etrics.k8s.io", "podsxmetrics.k8s.io", false),
            ("", "pods", false),
        ];
        for (pattern, text, expected) in cases {
            let found = glob("groupResource", pattern, Separator::Dot).unwrap().is_match(text);
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    #[test]
    fn namespaces_have_no_separator() {
        let cases = [
            ("*", "team.a", true),
            ("team-*", "team-a", true),
            ("team-?", "team-ab", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("[a\\-c]x", "-x", true),
        ];
        for (pattern, text, expected) in cases {
            let found = glob("namespaces", pattern, Separator::None).unwrap().is_match(text);
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for pattern in ["[", "[]", "[!]", "a]", "{a", "a}", "a\\", "[z-a]"] {
            let error = glob("namespaces", pattern, Separator::None).unwrap_err();
            assert!(error.starts_with(&format!("namespaces: {pattern:?} is not a pattern")), "{error}");
        }
    }
}
