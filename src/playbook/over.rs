//! What a repetition goes over: from templates to the list of items.

use serde_json::Value;

use super::model::Over;
use crate::contracts::Map;

/// Most items that combinations are worked out for: a longer list is refused by every limit.
const ITEMS_MAX: usize = 1_000_000;

impl Over {
    /// What is to be evaluated before [`Over::items`].
    #[must_use]
    pub fn template(&self) -> Value {
        match self {
            Self::List(template) => template.clone(),
            Self::Matrix { axes, .. } => Value::Object(axes.clone()),
        }
    }

    /// The items, from what the template came to.
    ///
    /// # Errors
    /// When that is no list, or an axis is none, or there are more than a million combinations.
    pub fn items(&self, evaluated: Value) -> Result<Vec<Value>, String> {
        match (self, evaluated) {
            (Self::List(_), Value::Array(items)) => Ok(items),
            (Self::Matrix { exclude, .. }, Value::Object(axes)) => combinations(axes, exclude),
            _ => Err("`foreach` needs a list".to_owned()),
        }
    }
}

fn combinations(axes: Map, exclude: &[Map]) -> Result<Vec<Value>, String> {
    let mut all = vec![Map::new()];
    for (name, values) in axes {
        let Value::Array(values) = values else {
            return Err(format!("the axis `{name}` of `matrix` needs a list"));
        };
        if all.len().saturating_mul(values.len()) > ITEMS_MAX {
            return Err(format!("`matrix` has more than {ITEMS_MAX} combinations"));
        }
        let with = |chosen: &Map, value: &Value| {
            let mut chosen = chosen.clone();
            chosen.insert(name.clone(), value.clone());
            chosen
        };
        all = all.iter().flat_map(|chosen| values.iter().map(move |v| with(chosen, v))).collect();
    }
    let excluded = |chosen: &Map| {
        exclude.iter().any(|rule| rule.iter().all(|(name, value)| chosen.get(name) == Some(value)))
    };
    Ok(all.into_iter().filter(|chosen| !excluded(chosen)).map(Value::Object).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_matrix_is_every_combination_but_the_excluded() {
        let axes = json!({ "os": ["linux", "mac"], "version": [1, 2] });
        let exclude = vec![map(json!({ "os": "mac", "version": 1 }))];
        let over = Over::Matrix { axes: map(axes.clone()), exclude };
        let items = over.items(axes).unwrap();
        let expected = json!([
            { "os": "linux", "version": 1 },
            { "os": "linux", "version": 2 },
            { "os": "mac", "version": 2 },
        ]);
        assert_eq!(Value::Array(items), expected);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let matrix = |axes: Value| Over::Matrix { axes: map(axes), exclude: Vec::new() };
        let long = json!({ "a": vec![0; 1_001], "b": vec![0; 1_001] });
        for (over, evaluated) in [
            (Over::List(json!("${{ x }}")), json!("text")),
            (matrix(json!({ "os": "linux" })), json!({ "os": "linux" })),
            (matrix(long.clone()), long),
        ] {
            assert!(over.items(evaluated).is_err(), "{over:?}");
        }
    }
}
