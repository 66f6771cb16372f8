//! Which function answers a request.

use crate::template::{Function, Route, RouteMethod};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// The routes of the HTTP API.
#[derive(Debug, Default)]
pub(super) struct Routes {
    routes: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// As in the template: `GET /api/products/{sku}`, `$default`.
    key: String,
    method: RouteMethod,
    segments: Vec<Segment>,
    function: String,
}

/// A part of a route's path. The order is that of preference: API Gateway takes the most specific route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
    /// `{name+}`: the rest of the path.
    Rest(String),
}

/// The route that answers a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match<'r> {
    /// As in the template: `GET /api/products/{sku}`.
    pub(super) key: &'r str,
    /// Name of the function.
    pub(super) function: &'r str,
    /// The values of the path's parameters, decoded.
    pub(super) parameters: BTreeMap<&'r str, String>,
}

impl Routes {
    /// The routes of all functions.
    pub(super) fn of(functions: &[Function]) -> Self {
        Self::sorted(functions.iter().flat_map(|function| {
            let routes = function.routes.iter();
            routes.map(|route| Entry::new(route, &function.name))
        }))
    }

    fn sorted(entries: impl Iterator<Item = Entry>) -> Self {
        let mut routes: Vec<Entry> = entries.collect();
        // The most specific first, and among equals the one with its own method before ANY.
        routes.sort_by(|a, b| {
            (a.is_default(), &a.segments, a.is_any()).cmp(&(b.is_default(), &b.segments, b.is_any()))
        });
        Self { routes }
    }

    /// The most specific route for this method and path (as it came, still encoded).
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Match<'_>> {
        let segments: Vec<&str> = segments_of(path).collect();
        self.routes.iter().find_map(|entry| {
            let parameters = entry.parameters(method, &segments)?;
            Some(Match {
                key: &entry.key,
                function: &entry.function,
                parameters,
            })
        })
    }
}

impl Entry {
    fn new(route: &Route, function: &str) -> Self {
        let key = match &route.method {
            _ if route.path == "$default" => "$default".to_owned(),
            RouteMethod::Any => format!("ANY {}", route.path),
            RouteMethod::Only(method) => format!("{method} {}", route.path),
        };
        let segments = match route.path.as_str() {
            "$default" => Vec::new(),
            path => segments_of(path).map(Segment::parse).collect(),
        };
        Self {
            key,
            method: route.method.clone(),
            segments,
            function: function.to_owned(),
        }
    }

    fn is_default(&self) -> bool {
        self.key == "$default"
    }

    fn is_any(&self) -> bool {
        self.method == RouteMethod::Any
    }

    /// The path's parameters if this route answers the request.
    fn parameters(&self, method: &str, path: &[&str]) -> Option<BTreeMap<&str, String>> {
        if matches!(&self.method, RouteMethod::Only(own) if own != method) {
            return None;
        }
        let mut parameters = BTreeMap::new();
        if self.is_default() {
            return Some(parameters);
        }
        for (index, segment) in self.segments.iter().enumerate() {
            let value = *path.get(index)?;
            match segment {
                Segment::Literal(literal) if decoded(value) == *literal => {}
                Segment::Parameter(name) if !value.is_empty() => {
                    parameters.insert(name.as_str(), decoded(value));
                }
                Segment::Rest(name) => {
                    parameters.insert(name.as_str(), decoded(&path[index..].join("/")));
                    return Some(parameters);
                }
                Segment::Literal(_) | Segment::Parameter(_) => return None,
            }
        }
        (path.len() == self.segments.len()).then_some(parameters)
    }
}

impl Segment {
    fn parse(segment: &str) -> Self {
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Rest(name.to_owned()),
                None => Self::Parameter(name.to_owned()),
            },
            None => Self::Literal(segment.to_owned()),
        }
    }
}

fn segments_of(path: &str) -> impl Iterator<Item = &str> {
    path.trim_start_matches('/').split('/')
}

/// Percent-decoded; what is no UTF-8 is replaced.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Routes {
        let route = |key: &&str| {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            let method = if method == "ANY" {
                RouteMethod::Any
            } else {
                RouteMethod::Only(method.to_owned())
            };
            let path = path.to_owned();
            Entry::new(&Route { method, path }, "f")
        };
        Routes::sorted(keys.iter().map(route))
    }

    fn key<'r>(routes: &'r Routes, method: &str, path: &str) -> Option<&'r str> {
        routes.find(method, path).map(|found| found.key)
    }

    #[test]
    fn the_most_specific_route_answers() {
        let routes = routes(&[
            "$default",
            "ANY /api/{proxy+}",
            "ANY /api/products/{sku}",
            "GET /api/products/{sku}",
            "GET /api/products/new",
            "GET /api/products",
        ]);
        for (method, path, answers) in [
            ("GET", "/api/products", "GET /api/products"),
            ("GET", "/api/products/new", "GET /api/products/new"),
            ("GET", "/api/products/1", "GET /api/products/{sku}"),
            ("PUT", "/api/products/1", "ANY /api/products/{sku}"),
            ("GET", "/api/products/1/x", "ANY /api/{proxy+}"),
            ("GET", "/elsewhere", "$default"),
        ] {
            assert_eq!(key(&routes, method, path), Some(answers), "{method} {path}");
        }
    }

    #[test]
    fn without_a_fitting_route_there_is_none() {
        let routes = routes(&["GET /api/products/{sku}"]);
        for (method, path) in [
            ("POST", "/api/products/1"),
            ("HEAD", "/api/products/1"),
            ("GET", "/api/products"),
            ("GET", "/api/products/"),
            ("GET", "/api/products/1/"),
            ("GET", "/API/products/1"),
        ] {
            assert_eq!(key(&routes, method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let routes = routes(&["GET /api/{a}/{rest+}"]);
        let found = routes.find("GET", "/api/x%20y/1/%C3%A4").expect("a route");
        assert_eq!(
            found.parameters,
            BTreeMap::from([("a", "x y".to_owned()), ("rest", "1/ä".to_owned())])
        );
    }
}
