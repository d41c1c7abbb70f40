//! Between JSON and CEL.
//!
//! Exact in both directions: an integer becomes `int`, above 2^63 - 1 `uint`, and only what is written with a fraction or an exponent becomes `double` and
//! comes out with one (1.0 stays 1.0). The keys of an object are sorted on the way out, since CEL's maps have no order.

use std::{collections::HashMap, fmt};

use cel::common::{
    types::{
        CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelOptional, CelString, CelStruct,
        CelUInt,
    },
    value::Val,
};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads JSON text.
pub(crate) fn parse(text: &str) -> Result<Box<dyn Val>, serde_json::Error> {
    let mut source = serde_json::Deserializer::from_str(text);
    let value = Json.deserialize(&mut source)?;
    source.end()?;
    Ok(value)
}

/// Takes over a JSON value.
pub(crate) fn of(value: Value) -> Result<Box<dyn Val>, serde_json::Error> {
    Json.deserialize(value)
}

/// Makes CEL of whatever comes, without a tree of JSON in between.
struct Json;

impl<'de> DeserializeSeed<'de> for Json {
    type Value = Box<dyn Val>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = Box<dyn Val>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Box::new(CelNull))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Box::new(CelBool::from(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Box::new(CelInt::from(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => Box::new(CelInt::from(value)),
            Err(_) => Box::new(CelUInt::from(value)),
        })
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Box::new(CelDouble::from(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Self::Value, E> {
        Ok(Box::new(CelString::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = source.next_element_seed(Json)? {
            list.push(element);
        }
        Ok(Box::new(CelList::from(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Self::Value, A::Error> {
        let mut map = HashMap::new();
        while let Some(Key(key)) = source.next_key()? {
            map.insert(key, source.next_value_seed(Json)?);
        }
        Ok(Box::new(CelMap::from(map)))
    }
}

/// A key of an object.
struct Key(CelMapKey<'static>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Ok(Self(CelMapKey::from(String::deserialize(source)?)))
    }
}

/// A value as JSON, or why it has no such form.
pub(crate) fn to_json(value: &dyn Val) -> Result<Value, String> {
    if let Some(text) = value.downcast_ref::<CelString>() {
        Ok(Value::String(text.inner().to_owned()))
    } else if let Some(number) = value.downcast_ref::<CelInt>() {
        Ok(Value::from(*number.inner()))
    } else if let Some(map) = value.downcast_ref::<CelMap>() {
        object(map)
    } else if let Some(flag) = value.downcast_ref::<CelBool>() {
        Ok(Value::Bool(*flag.inner()))
    } else if value.downcast_ref::<CelNull>().is_some() {
        Ok(Value::Null)
    } else if let Some(number) = value.downcast_ref::<CelDouble>() {
        let number = *number.inner();
        Number::from_f64(number).map(Value::Number).ok_or_else(|| format!("{number} has no form in JSON"))
    } else if let Some(number) = value.downcast_ref::<CelUInt>() {
        Ok(Value::from(*number.inner()))
    } else if let Some(fields) = value.downcast_ref::<CelStruct>() {
        let fields = fields.field_values();
        fields.into_iter().map(|(name, value)| Ok((name, to_json(value.as_ref())?))).collect()
    } else if let Some(inner) = value.downcast_ref::<CelOptional>() {
        to_json(inner.option().ok_or("an optional without a value has no form in JSON, use orValue()")?)
    } else if let Some(list) = value.as_iterable() {
        let mut elements = list.iter();
        std::iter::from_fn(|| elements.next()).map(to_json).collect()
    } else {
        Err(format!("a value of type {} has no form in JSON", value.get_type().name()))
    }
}

fn object(map: &CelMap<'_>) -> Result<Value, String> {
    let mut entries = Map::new();
    for (key, value) in map.inner() {
        let CelMapKey::String(key) = key else {
            let name = key.inner().get_type().name();
            return Err(format!("a key in JSON is a string, not a value of type {name}"));
        };
        entries.insert(key.inner().to_owned(), to_json(value.as_ref())?);
    }
    Ok(Value::Object(entries))
}
