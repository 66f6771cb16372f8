//! Configuration from the environment: all of it read once, at the start, and everything wrong with it told at once.

use std::fmt;

/// The variables of the environment, and what was found wrong with them so far.
///
/// Each reading gives `None` where it noted a fault, so that a function reads all of them before it gives up:
///
/// ```
/// # use lambda_kit::config::{ConfigError, Variables};
/// struct Config { table: String, limit: u32 }
///
/// fn read(mut env: Variables) -> Result<Config, ConfigError> {
///     let table = env.text("TABLE");
///     let limit = env.parse("LIMIT", |text| text.parse().map_err(|_| "a number is needed"));
///     env.finish(|| Some(Config { table: table?, limit: limit? }))
/// }
/// ```
pub struct Variables {
    look_up: Box<LookUp>,
    faults: Vec<String>,
}

type LookUp = dyn Fn(&str) -> Option<String>;

/// What is wrong with the environment: every missing or unusable variable by its name, never by its value, which may be
/// a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment is incomplete: {}", faults.join("; "))]
pub struct ConfigError {
    pub(crate) faults: Vec<String>,
}

impl Variables {
    /// Those of this process.
    pub fn of_the_process() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    /// Those that `look_up` knows.
    pub fn of(look_up: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self {
            look_up: Box::new(look_up),
            faults: Vec::new(),
        }
    }

    /// A variable that must be there and not be empty.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let text = (self.look_up)(name).filter(|text| !text.trim().is_empty());
        if text.is_none() {
            self.faults.push(format!("{name} is missing"));
        }
        text
    }

    /// A variable that must be there and be readable by `parse`, whose error must not repeat the value.
    pub fn parse<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.read(name, &text, parse)
    }

    /// As [`Variables::parse`], but `default` where the variable is not there.
    pub fn parse_or<T, E: fmt::Display>(
        &mut self,
        name: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let set = (self.look_up)(name).filter(|text| !text.trim().is_empty());
        set.map_or(Some(default), |text| self.read(name, &text, parse))
    }

    /// A variable that need not be there; where it is, even empty, `parse` must be able to read it.
    pub fn parse_if_set<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match (self.look_up)(name) {
            Some(text) => self.read(name, &text, parse).map(Some),
            None => Some(None),
        }
    }

    /// The address of a server, without query, fragment or trailing slash: `https`, or `http` for a machine's own.
    pub fn base_url(&mut self, name: &str) -> Option<String> {
        self.parse(name, |url| {
            let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@');
            let https = url.strip_prefix("https://");
            let address = https.or_else(|| url.strip_prefix("http://"));
            let address = address.filter(|it| !it.is_empty() && !it.starts_with('/') && !it.contains(odd));
            let base = address.map(|_| url.trim_end_matches('/').to_owned());
            base.ok_or("an http(s) address without query is needed")
        })
    }

    /// What `build` makes of the values read.
    ///
    /// # Errors
    /// [`ConfigError`] where anything was wrong.
    ///
    /// # Panics
    /// Where `build` finds a value missing that no reading has noted.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, ConfigError> {
        if self.faults.is_empty() {
            Ok(build().expect("every reading that gives nothing notes a fault"))
        } else {
            Err(ConfigError { faults: self.faults })
        }
    }

    fn read<T, E: fmt::Display>(
        &mut self,
        name: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let read = parse(text).map_err(|error| self.faults.push(format!("{name}: {error}")));
        read.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &'static [(&str, &str)]) -> Variables {
        Variables::of(|name| {
            pairs
                .iter()
                .find(|pair| pair.0 == name)
                .map(|pair| pair.1.to_owned())
        })
    }

    #[test]
    fn everything_wrong_is_told_at_once_by_name_and_never_by_value() {
        let mut env = variables(&[("EMPTY", " "), ("KEY", "s3cret"), ("URL", "ftp://s3cret")]);
        let (absent, empty) = (env.text("ABSENT"), env.text("EMPTY"));
        let key = env.parse("KEY", |_| Err::<u8, _>("32 bytes are needed"));
        let url = env.base_url("URL");
        let error = env
            .finish(|| Some((absent?, empty?, key?, url?)))
            .expect_err("four faults");
        assert_eq!(
            error.to_string(),
            "the environment is incomplete: ABSENT is missing; EMPTY is missing; KEY: 32 bytes are needed; \
             URL: an http(s) address without query is needed"
        );
    }

    #[test]
    fn what_is_there_is_read() {
        let mut env = variables(&[("TABLE", "t"), ("URL", "https://shop.example/"), ("N", "3")]);
        let (table, url) = (env.text("TABLE"), env.base_url("URL"));
        let (n, m) = (
            env.parse_or("N", 1, str::parse::<u8>),
            env.parse_or("M", 1, str::parse::<u8>),
        );
        let read = env.finish(|| Some((table?, url?, n?, m?)));
        assert_eq!(
            read,
            Ok(("t".to_owned(), "https://shop.example".to_owned(), 3, 1))
        );
    }

    #[test]
    fn an_address_is_http_or_https_and_nothing_but_an_address() {
        let read = |url: &'static str| Variables::of(move |_| Some(url.to_owned())).base_url("URL");
        let odd = [
            "",
            "shop.example",
            "https://",
            "https:///x",
            "https://a b",
            "https://a?b",
            "https://u@h",
        ];
        for bad in odd.into_iter().chain(["file:///x"]) {
            assert_eq!(read(bad), None, "{bad}");
        }
        for good in ["http://127.0.0.1:3001", "https://erp.shop.example/api"] {
            assert_eq!(read(good).as_deref(), Some(good));
        }
    }
}
