//! How fields look on the wire: Go's `omitempty`, explicit nulls, and objects without a spec.
//!
//! Every struct of this crate applies the same pair to its fields, so that an object that a Go program wrote comes out of a
//! read and a write as it went in:
//!
//! - reading, a missing field and `null` are the same as the field's default;
//! - writing, a field that has its default is left out, except where Go never leaves it out (a nested struct, a duration, a required
//!   field): those opt out with `#[serde_with(skip_apply)]`.

use serde::{Deserialize, Deserializer};

/// Reads `null` as the default, for lists, maps, strings and numbers that Go would hold as a nil or zero value.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Go's `omitempty`, as the rule of what is not written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Lets an object be read that has no `spec`, which the CRDs allow; kube's derive alone refuses it.
///
/// serde asks a type whose field is missing to read itself from "no value", which works for whatever takes an optional one. The
/// type is derived with `#[serde(remote = "Self")]`, which makes the derived code inherent functions, and the traits wrap them.
macro_rules! absent_spec_is_default {
    ($spec:ty) => {
        impl<'de> serde::Deserialize<'de> for $spec {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct OptionalSpec;
                impl<'de> serde::de::Visitor<'de> for OptionalSpec {
                    type Value = $spec;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a ", stringify!($spec)))
                    }

                    fn visit_none<E: serde::de::Error>(self) -> Result<$spec, E> {
                        Ok(<$spec>::default())
                    }

                    fn visit_unit<E: serde::de::Error>(self) -> Result<$spec, E> {
                        Ok(<$spec>::default())
                    }

                    fn visit_some<D: serde::Deserializer<'de>>(self, value: D) -> Result<$spec, D::Error> {
                        <$spec>::deserialize(value)
                    }
                }
                deserializer.deserialize_option(OptionalSpec)
            }
        }

        impl serde::Serialize for $spec {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$spec>::serialize(self, serializer)
            }
        }
    };
}
pub(crate) use absent_spec_is_default;

/// `Display` of an enum of the wire: the text that stands in the object.
macro_rules! display_as_written {
    ($($kind:ty),+ $(,)?) => {$(
        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                serde::Serialize::serialize(self, f)
            }
        }
    )+};
}
pub(crate) use display_as_written;
