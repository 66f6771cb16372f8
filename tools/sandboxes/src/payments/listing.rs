//! Lists: newest first, filtered by time, page by page.

use serde_json::{Value, json};

use super::error::StripeError;
use super::form::Params;

/// Something that can be listed.
pub(super) trait Listed {
    fn id(&self) -> &str;
    /// Unix seconds.
    fn created(&self) -> u64;
}

/// A page of `all` (oldest first, as they were made) that are `wanted`, as the parameters ask for it.
pub(super) fn page<T: Listed>(
    url: &str,
    all: &[T],
    params: &Params,
    wanted: impl Fn(&T) -> bool,
    show: impl Fn(&T) -> Value,
) -> Result<Value, StripeError> {
    let limit = match params.integer("/limit")? {
        None => 10,
        Some(limit @ 1..=100) => usize::try_from(limit).unwrap_or(10),
        Some(_) => {
            return Err(StripeError::invalid("Invalid limit: must be between 1 and 100").about("limit"));
        }
    };
    let (from, to) = created(all, params)?;
    let position = |name: &str| match params.text(&format!("/{name}")) {
        None => Ok(None),
        Some(id) => all
            .iter()
            .position(|item| item.id() == id)
            .map(Some)
            .ok_or_else(|| {
                StripeError::invalid(format!("No such object: '{id}'"))
                    .code("resource_missing")
                    .about(name)
            }),
    };
    let mut found: Vec<&T>;
    let has_more;
    if let Some(newer_than) = position("ending_before")? {
        // The page right before it, which still shows the newest first.
        let range = all.get(from.max(newer_than + 1)..to).unwrap_or_default();
        found = range.iter().filter(|item| wanted(item)).take(limit + 1).collect();
        has_more = found.len() > limit;
        found.truncate(limit);
        found.reverse();
    } else {
        let to = position("starting_after")?.map_or(to, |older_than| to.min(older_than));
        let range = all.get(from..to).unwrap_or_default();
        found = range
            .iter()
            .rev()
            .filter(|item| wanted(item))
            .take(limit + 1)
            .collect();
        has_more = found.len() > limit;
        found.truncate(limit);
    }
    let data: Vec<Value> = found.into_iter().map(show).collect();
    Ok(json!({ "object": "list", "url": url, "has_more": has_more, "data": data }))
}

/// The range that `created=`, or `created[gt]=` and the like, leaves.
fn created<T: Listed>(all: &[T], params: &Params) -> Result<(usize, usize), StripeError> {
    let before = |time: i64| all.partition_point(|item| item.created().cast_signed() < time);
    let (mut from, mut to) = (0, all.len());
    if let Some(exactly) = params.integer("/created")? {
        (from, to) = (before(exactly), before(exactly.saturating_add(1)));
    }
    if let Some(time) = params.integer("/created/gte")? {
        from = from.max(before(time));
    }
    if let Some(time) = params.integer("/created/gt")? {
        from = from.max(before(time.saturating_add(1)));
    }
    if let Some(time) = params.integer("/created/lt")? {
        to = to.min(before(time));
    }
    if let Some(time) = params.integer("/created/lte")? {
        to = to.min(before(time.saturating_add(1)));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Listed for (String, u64) {
        fn id(&self) -> &str {
            &self.0
        }

        fn created(&self) -> u64 {
            self.1
        }
    }

    fn ids(query: &str) -> (Vec<String>, bool) {
        let all: Vec<(String, u64)> = (0..30).map(|n| (format!("i{n}"), n / 3)).collect();
        let params = Params::parse(query.as_bytes()).unwrap();
        let page = page("/v1/x", &all, &params, |_| true, |item| item.0.clone().into()).unwrap();
        let ids = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        (ids, page["has_more"].as_bool().unwrap())
    }

    #[test]
    fn the_newest_come_first_ten_at_a_time() {
        let (first, more) = ids("");
        assert_eq!((first.len(), first[0].as_str(), more), (10, "i29", true));
        let (next, more) = ids("starting_after=i20&limit=100");
        assert_eq!((next.len(), next[0].as_str(), more), (20, "i19", false));
        assert_eq!(
            ids("ending_before=i20&limit=2"),
            (vec!["i22".into(), "i21".into()], true)
        );
    }

    #[test]
    fn created_limits_the_list() {
        assert_eq!(ids("created[gte]=9").0, ["i29", "i28", "i27"]);
        assert_eq!(ids("created[gt]=8&created[lt]=9").0, [""; 0]);
        assert_eq!(ids("created=4&limit=2"), (vec!["i14".into(), "i13".into()], true));
        assert_eq!(ids("created[lte]=0").0, ["i2", "i1", "i0"]);
    }

    #[test]
    fn a_limit_out_of_range_is_refused() {
        for wrong in ["limit=0", "limit=101", "limit=x", "starting_after=nobody"] {
            let params = Params::parse(wrong.as_bytes()).unwrap();
            let all: Vec<(String, u64)> = Vec::new();
            assert!(
                page("/v1/x", &all, &params, |_| true, |_| Value::Null).is_err(),
                "{wrong}"
            );
        }
    }
}
