//! Strings of the rules as people write them: `value: 2` means the text `2`.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A string, a number or a boolean, as text; nothing at all is the empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl de::Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_without_quotes_is_a_text() {
        let cases = [
            ("2", "2"),
            ("1.50", "1.5"),
            ("-3", "-3"),
            ("18446744073709551615", "18446744073709551615"),
            ("true", "true"),
            ("yes", "yes"),
            ("0644", "0644"),
            ("~", ""),
            ("", ""),
            ("'2'", "2"),
            ("a", "a"),
        ];
        for (text, expected) in cases {
            let read: Text = serde_yaml_ng::from_str(text).unwrap_or_default();
            assert_eq!(read.0, expected, "{text}");
        }
        assert!(serde_yaml_ng::from_str::<Text>("[a]").is_err());
    }
}
