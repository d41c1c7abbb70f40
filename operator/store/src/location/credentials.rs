//! AWS shared credentials files, and the order in which credentials are looked for.
//!
//! The format is INI as the AWS SDKs read it: sections, `key = value`, whole-line comments with `#` or `;`. A general INI parser
//! is not used because they unescape, lower-case or cut values at `#`, and a secret key may look like any of that.
//!
//! Only static keys are read from files. Roles to assume, SSO and external processes need more than a file and are refused
//! by name, so that nobody wonders why the instance's own role was used instead.

use std::collections::BTreeMap;

use crate::ConfigError;

/// The longest file that is read: a Secret has at most 1 MiB.
const MAX_FILE_BYTES: usize = 1 << 20;

/// Settings of a profile that get credentials in ways that are not supported.
const UNSUPPORTED: [&str; 6] =
    ["role_arn", "source_profile", "credential_process", "credential_source", "sso_session", "sso_start_url"];

/// What a profile of the file holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
    pub(super) region: Option<String>,
}

/// Reads one profile of a credentials file.
pub(super) fn profile(file: &str, name: &str) -> Result<Profile, ConfigError> {
    let bad = |why: String| ConfigError::Credentials(why);
    if file.len() > MAX_FILE_BYTES {
        return Err(bad(format!("the file has more than {MAX_FILE_BYTES} bytes")));
    }
    let mut sections = sections(file)?;
    let Some(settings) = sections.remove(name) else {
        return Err(bad(format!("the file has no profile [{name}]")));
    };
    let get = |key: &str| settings.get(key).filter(|value| !value.is_empty()).cloned();
    match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(access_key_id), Some(secret_access_key)) => Ok(Profile {
            access_key_id,
            secret_access_key,
            session_token: get("aws_session_token"),
            region: get("region"),
        }),
        (Some(_), None) => Err(bad(format!("profile [{name}] has no aws_secret_access_key"))),
        (None, Some(_)) => Err(bad(format!("profile [{name}] has no aws_access_key_id"))),
        (None, None) => Err(bad(match UNSUPPORTED.into_iter().find(|key| settings.contains_key(*key)) {
            Some(key) => format!("profile [{name}] uses {key}, which is not supported; give it static keys"),
            None => format!("profile [{name}] has neither aws_access_key_id nor aws_secret_access_key"),
        })),
    }
}

/// All sections with their settings; keys in lower case, `[profile x]` (as config files write it) counts as `[x]`.
fn sections(file: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>, ConfigError> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current: Option<String> = None;
    for (index, line) in file.trim_start_matches('\u{feff}').lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        // The line itself may be a secret that lost its key: only its number is told.
        let bad =
            || ConfigError::Credentials(format!("line {} is neither [profile] nor key = value", index + 1));
        if let Some(header) = trimmed.strip_prefix('[') {
            let (header, _) = header.split_once(']').ok_or_else(bad)?;
            let header = header.trim();
            let name = header.strip_prefix("profile ").unwrap_or(header).trim().to_owned();
            sections.entry(name.clone()).or_default();
            current = Some(name);
            continue;
        }
        let (key, value) = trimmed.split_once('=').ok_or_else(bad)?;
        // Indented settings below a key without a value (`s3 =`) belong to that key; none of them concerns us.
        if line.starts_with([' ', '\t']) && current.is_some() && !key.trim().starts_with("aws_") {
            continue;
        }
        let section = current.as_ref().and_then(|name| sections.get_mut(name)).ok_or_else(bad)?;
        section.insert(key.trim().to_lowercase(), value.trim().to_owned());
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\u{feff}# a comment\n[default]\naws_access_key_id=AKIA1\naws_secret_access_key = a#b;c=/+\n\n[profile two]\n  \
        aws_access_key_id = AKIA2\r\n  aws_secret_access_key = s2\r\nAWS_SESSION_TOKEN = t\nregion = eu-west-1\ns3 =\n  region = nowhere\n\
        [role]\nrole_arn = arn:aws:iam::1:role/x\n[half]\naws_access_key_id = A\n[empty]\n";

    #[test]
    fn profiles_are_read_as_written() {
        let default = profile(FILE, "default").ok().unwrap();
        assert_eq!(
            (default.access_key_id.as_str(), default.secret_access_key.as_str()),
            ("AKIA1", "a#b;c=/+")
        );
        assert_eq!((default.session_token, default.region), (None, None));
        let two = profile(FILE, "two").ok().unwrap();
        assert_eq!((two.access_key_id.as_str(), two.session_token.as_deref()), ("AKIA2", Some("t")));
        assert_eq!(two.region.as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_secrets() {
        let message = |file: &str, name: &str| profile(file, name).err().unwrap().to_string();
        assert!(message(FILE, "three").contains("no profile [three]"));
        assert!(message(FILE, "role").contains("uses role_arn"));
        assert!(message(FILE, "half").contains("no aws_secret_access_key"));
        assert!(message(FILE, "empty").contains("neither"));
        assert!(message("wJalrXUtnFEMI", "default").ends_with("line 1 is neither [profile] nor key = value"));
        assert!(message("aws_access_key_id = x", "default").contains("line 1"));
        assert!(message(&"#".repeat(MAX_FILE_BYTES + 1), "default").contains("more than"));
    }
}
