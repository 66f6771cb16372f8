//! Changing the faults of a sandbox: what a test puts to `/sandbox/faults`.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::chance::Chance;

/// `faults` with the members of `update`, a JSON object; what it does not name stays as it is.
///
/// A member `seed` starts chance over, so that the same calls meet the same faults.
pub(crate) fn changed<F: Serialize + DeserializeOwned>(
    faults: &F,
    update: &[u8],
    chance: &Chance,
) -> serde_json::Result<F> {
    let mut update: Map<String, Value> = serde_json::from_slice(update)?;
    let seed = update.remove("seed").map(serde_json::from_value).transpose()?;
    let mut members: Map<String, Value> = serde_json::from_value(serde_json::to_value(faults)?)?;
    members.extend(update);
    let faults = serde_json::from_value(Value::Object(members))?;
    if let Some(seed) = seed {
        chance.seed(seed);
    }
    Ok(faults)
}

/// Reads a probability and refuses what is none.
pub(crate) fn probability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(D::Error::custom(format!(
            "{value} is no probability, from 0 to 1"
        )))
    }
}
