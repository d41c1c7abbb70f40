//! The values of JSON patches and of `matches`: a text from which the type is told, as Velero does.
//!
//! | text | value |
//! |---|---|
//! | nothing | the empty string |
//! | `"true"`, in double quotes | a string, whatever it looks like; escapes of JSON count |
//! | `null`; `true` and `false` in any case | null, a boolean |
//! | begins with `{` or `[` | JSON |
//! | a number as JSON writes it | that number |
//! | anything else | the text as it stands: nothing in it is an escape |

use serde_json::Value;

/// The value of a text.
///
/// # Errors
/// It begins like an object or a list and is no JSON.
pub(crate) fn typed(text: &str) -> Result<Value, String> {
    if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Ok(serde_json::from_str::<String>(text).unwrap_or_else(|_| inner.to_owned()).into());
    }
    if text.starts_with(['{', '[']) {
        return serde_json::from_str(text).map_err(|error| format!("value {text:?} is not JSON: {error}"));
    }
    Ok(match text {
        "null" => Value::Null,
        _ if text.eq_ignore_ascii_case("true") => true.into(),
        _ if text.eq_ignore_ascii_case("false") => false.into(),
        _ => number(text).unwrap_or_else(|| text.into()),
    })
}

fn number(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    // JSON allows blanks around a number; a text with blanks is a text.
    (value.is_number() && text.trim() == text).then_some(value)
}

/// Whether two values are the same; numbers are when they have the same value.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let whole = |number: &serde_json::Number| number.is_i64() || number.is_u64();
            one == other || !(whole(one) && whole(other)) && one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|there| same(value, there)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_says_what_type_it_is() {
        let cases = [
            ("", json!("")),
            ("\"\"", json!("")),
            ("\"true\"", json!("true")),
            ("\"5\"", json!("5")),
            ("\"null\"", json!("null")),
            ("\"say \\\"hi\\\"\"", json!("say \"hi\"")),
            ("\"C:\\dir\"", json!("C:\\dir")),
            ("\"", json!("\"")),
            ("null", json!(null)),
            ("Null", json!("Null")),
            ("true", json!(true)),
            ("False", json!(false)),
            ("{\"a\": [1]}", json!({"a": [1]})),
            ("[]", json!([])),
            ("2", json!(2)),
            ("-1.5e3", json!(-1500.0)),
            ("18446744073709551615", json!(u64::MAX)),
            // Not as JSON writes numbers: account numbers, versions, names.
            ("007", json!("007")),
            (".5", json!(".5")),
            ("+1", json!("+1")),
            ("inf", json!("inf")),
            ("0x10", json!("0x10")),
            (" 5", json!(" 5")),
            ("1e999", json!("1e999")),
            ("50Gi", json!("50Gi")),
            ("say \"hi\"\n\\d", json!("say \"hi\"\n\\d")),
        ];
        for (text, expected) in cases {
            assert_eq!(typed(text).unwrap(), expected, "{text}");
        }
        assert!(typed("{a}").unwrap_err().starts_with("value \"{a}\" is not JSON: "));
        assert!(typed("[1").is_err());
    }

    #[test]
    fn numbers_are_the_same_by_value() {
        assert!(same(&json!({"a": [1, 2.5]}), &json!({"a": [1.0, 2.5]})));
        assert!(!same(&json!(u64::MAX), &json!(u64::MAX - 1)));
        assert!(!same(&json!([1]), &json!([1, 1])));
        assert!(!same(&json!({"a": null}), &json!({"b": null})));
        assert!(!same(&json!("1"), &json!(1)));
    }
}
