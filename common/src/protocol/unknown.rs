//! Serializes the content of an unknown variant, for `#[serde(with)]`: any JSON is accepted, and an empty
//! object is written.

use serde::{Deserialize, Deserializer, Serializer, de::IgnoredAny, ser::SerializeMap};

pub(super) fn deserialize<'de, D: Deserializer<'de>>(content: D) -> Result<(), D::Error> {
    IgnoredAny::deserialize(content).map(|_| ())
}

pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_map(Some(0))?.end()
}
