//! The reason of an error as text that may be shown to anybody.
//!
//! Removed are signatures, credentials and tokens of URLs, what S3 echoes of a signature that does not match, and what differs
//! from attempt to attempt (request ids, durations).

use std::error::Error;
use std::fmt;

/// The longest text kept, in characters: a status message holds it, and an S3 error document has some 500.
const MAX_CHARS: usize = 1_000;

/// Query parameters whose values grant or reveal something; compared in lower case.
const SECRET_PARAMETERS: [&str; 7] = [
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "awsaccesskeyid",
    "signature",
    "sig",
    "token",
];

/// Elements of S3 error documents that repeat parts of the signed request, or change with every request.
const HIDDEN_ELEMENTS: [&str; 8] = [
    "AWSAccessKeyId",
    "SignatureProvided",
    "StringToSign",
    "StringToSignBytes",
    "CanonicalRequest",
    "CanonicalRequestBytes",
    "RequestId",
    "HostId",
];

/// What a store or a library said, cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(String);

impl Cause {
    /// Takes over the text of an error and of its sources that the text does not contain already.
    pub(crate) fn new(error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let more = inner.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            source = inner.source();
        }
        Self(clean(&text))
    }

    /// A reason in our own words.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self(clean(&text.into()))
    }

    /// Whether the reason is that the store does not know the operation.
    pub(crate) fn says_not_implemented(&self) -> bool {
        self.0.contains("501 Not Implemented")
            || self.0.contains("<Code>NotImplemented</Code>")
            || self.0.contains("not yet implemented by")
    }

    /// Whether the reason is that the credentials are wrong or not enough.
    pub(crate) fn says_denied(&self) -> bool {
        self.0.contains("403 Forbidden") || self.0.contains("401 Unauthorized")
    }

    /// Whether a "not found" means the whole bucket.
    pub(crate) fn says_no_bucket(error: &object_store::Error) -> bool {
        error.to_string().contains("NoSuchBucket")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Cause {}

fn clean(text: &str) -> String {
    let mut text = text.to_owned();
    for element in HIDDEN_ELEMENTS {
        text = hide_element(&text, element);
    }
    let text = drop_durations(&text);
    let words: Vec<String> = text.split(' ').map(hide_parameters).collect();
    words.join(" ").chars().take(MAX_CHARS).collect()
}

/// Removes `<name>...</name>`; an element that is cut off is removed up to the end.
fn hide_element(text: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut parts = text.split(&open);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push_str(part.split_once(&close).map_or("", |(_, rest)| rest));
    }
    clean
}

/// Removes ` in 12.3ms` and folds white space.
fn drop_durations(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        let number = word
            .trim_end_matches([',', ':'])
            .trim_end_matches("ns")
            .trim_end_matches("µs")
            .trim_end_matches("ms")
            .trim_end_matches('s');
        let is_duration = word.len() > number.len() && number.parse::<f64>().is_ok();
        if is_duration && kept.last() == Some(&"in") {
            kept.pop();
            continue;
        }
        kept.push(word);
    }
    kept.join(" ")
}

/// Replaces the values of telling query parameters in one word of the text.
fn hide_parameters(word: &str) -> String {
    let Some((path, query)) = word.split_once('?') else { return word.to_owned() };
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if SECRET_PARAMETERS.contains(&name.to_lowercase().as_str()) => {
                // Whatever closes the URL in the text stays: `)`, a quote, a comma.
                let tail: String =
                    value.chars().skip_while(|c| c.is_alphanumeric() || "%-._~/+=".contains(*c)).collect();
                format!("{name}=REDACTED{tail}")
            }
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_and_tokens_do_not_get_out() {
        let text = "Error performing GET https://b.s3/k?X-Amz-Credential=AKIA%2F1&list-type=2&X-Amz-Signature=abc123 in 5.2ms - Server \
            returned non-2xx status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIA</AWSAccessKeyId>\
            <RequestId>R1</RequestId><StringToSign>secret";
        assert_eq!(
            Cause::text(text).to_string(),
            "Error performing GET https://b.s3/k?X-Amz-Credential=REDACTED&list-type=2&X-Amz-Signature=REDACTED - Server returned non-2xx \
            status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code>"
        );
        assert_eq!(
            Cause::text("(https://h/d?signature=ab-c_)").to_string(),
            "(https://h/d?signature=REDACTED)"
        );
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(Cause::text("ä".repeat(5_000)).to_string().chars().count(), MAX_CHARS);
    }
}
