//! One page of a list: the server's text, and where in it each object stands.
//!
//! Nothing is copied and nothing of an object is interpreted; an item may be any JSON value, and whether it is an object with a name is
//! for its reader to find out.

use std::borrow::Cow;
use std::ops::Range;

use lateen_core::kind::ServedKind;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    text: String,
    items: Vec<Range<usize>>,
    api_version: String,
    kind: String,
    pub(super) continue_token: String,
    /// The revision that the page was read at.
    pub resource_version: String,
    /// How many objects come after this page, where the server knows it (it does not where a selector is used).
    pub remaining: Option<u64>,
    /// The list was continued at another revision than it began with, before or at this page.
    pub spans_revisions: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    #[serde(borrow, default)]
    api_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    metadata: Option<Metadata>,
    // Go writes an empty list as null when it was never made. What has no items at all is something else than a list.
    #[serde(borrow, deserialize_with = "Option::deserialize")]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default, rename = "continue")]
    continue_token: Option<String>,
    #[serde(default)]
    resource_version: Option<String>,
    #[serde(default)]
    remaining_item_count: Option<i64>,
}

impl Page {
    /// Reads the answer to a list request for that kind. An error for what is not a list.
    pub fn read(text: String, kind: &ServedKind) -> Result<Self, serde_json::Error> {
        let list: List<'_> = serde_json::from_str(&text)?;
        let start = text.as_ptr() as usize;
        let place = |item: &&RawValue| {
            let item = item.get();
            let from = item.as_ptr() as usize - start;
            from..from + item.len()
        };
        let items = list.items.iter().flatten().map(place).collect();
        let api_version = list.api_version.filter(|v| !v.is_empty()).map(Cow::into_owned);
        let item_kind = list.kind.as_deref().and_then(|k| k.strip_suffix("List")).filter(|k| !k.is_empty());
        let item_kind = item_kind.unwrap_or(&kind.kind).to_owned();
        let metadata = list.metadata.unwrap_or_default();
        Ok(Self {
            items,
            api_version: api_version.unwrap_or_else(|| kind.api_version()),
            kind: item_kind,
            continue_token: metadata.continue_token.unwrap_or_default(),
            resource_version: metadata.resource_version.unwrap_or_default(),
            remaining: metadata.remaining_item_count.and_then(|count| u64::try_from(count).ok()),
            spans_revisions: false,
            text,
        })
    }

    /// The objects' JSON in the order of the list, byte for byte.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.iter().map(|range| &self.text[range.clone()])
    }

    /// What asks for the page after this one; empty if this is the last.
    pub fn continue_token(&self) -> &str {
        &self.continue_token
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no objects; more pages may follow all the same.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The `apiVersion` of items that do not say theirs: the list's.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// The `kind` of items that do not say theirs: the list's without `List`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Size of the page in bytes.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use lateen_core::kind::GroupResource;

    use super::*;

    fn read(text: &str) -> Result<Page, serde_json::Error> {
        let kind = ServedKind {
            group_resource: GroupResource::parse("widgets.shop.example"),
            version: "v1".into(),
            kind: "Widget".into(),
            singular: String::new(),
            short_names: vec![],
            namespaced: true,
            verbs: vec![],
        };
        Page::read(text.to_owned(), &kind)
    }

    #[test]
    fn items_are_the_servers_bytes() {
        let page = read(
            r#" {"apiVersion":"v1","items":[ {"a": 9007199254740993 , "ü":"\u0000"}, {}],"metadata":{"continue":"c\u003d","remainingItemCount":3},"kind":"SecretList"}"#,
        )
        .unwrap();
        let items: Vec<_> = page.items().collect();
        assert_eq!(items, [r#"{"a": 9007199254740993 , "ü":"\u0000"}"#, "{}"]);
        assert_eq!((page.api_version(), page.kind()), ("v1", "Secret"));
        assert_eq!((page.continue_token.as_str(), page.remaining), ("c=", Some(3)));
    }

    #[test]
    fn lists_that_say_little_are_filled_from_the_kind() {
        for text in [r#"{"items":null}"#, r#"{"items":[],"kind":"List","metadata":null}"#] {
            let page = read(text).unwrap();
            assert_eq!(
                (page.len(), page.api_version(), page.kind()),
                (0, "shop.example/v1", "Widget"),
                "{text}"
            );
        }
    }

    #[test]
    fn hostile_pages_are_errors_and_deep_ones_no_crash() {
        let deep = format!(r#"{{"items":[{}1{}]}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(read(&deep).unwrap().len(), 1);
        for bad in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"kind":"Status","status":"Failure"}"#,
            r#"{"items":{}}"#,
            r#"{"items":[],"items":[]}"#,
            r#"{"items":[{"a":}]}"#,
            "null",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
