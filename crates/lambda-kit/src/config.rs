//! Configuration from the environment: all of it is read once, at the start, and everything wrong with it is reported at once.

use std::fmt::Display;

/// The variables of the environment, and what was found wrong with them so far.
///
/// Each reading gives `None` where it noted a fault, so that a function reads all of them before it gives up.
pub struct Variables {
    look_up: Box<LookUp>,
    faults: Vec<String>,
}

type LookUp = dyn Fn(&str) -> Option<String>;

/// Every missing or unusable variable by its name, never by its value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment is incomplete: {}", faults.join("; "))]
pub struct ConfigError {
    faults: Vec<String>,
}

impl Variables {
    /// Those of this process.
    pub fn of_the_process() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    /// Those that `look_up` knows.
    pub fn of(look_up: impl Fn(&str) -> Option<String> + 'static) -> Self {
        let (look_up, faults) = (Box::new(look_up), Vec::new());
        Self { look_up, faults }
    }

    /// A variable as it is set, which may be to nothing.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.look_up)(name)
    }

    /// A variable that must be there and not be blank.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let text = self.get(name).filter(|text| !text.trim().is_empty());
        if text.is_none() {
            self.faults.push(format!("{name} is missing"));
        }
        text
    }

    /// A variable that must be there and be readable by `parse`, whose error must not repeat the value.
    pub fn parse<T, E: Display>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        let parsed = parse(&self.text(name)?).map_err(|error| format!("{name}: {error}"));
        parsed.map_err(|fault| self.faults.push(fault)).ok()
    }

    /// As [`Variables::parse`], but `default` where the variable is not there.
    pub fn parse_or<T, E, P>(&mut self, name: &str, default: T, parse: P) -> Option<T>
    where
        E: Display,
        P: Fn(&str) -> Result<T, E>,
    {
        match self.get(name) {
            Some(text) if !text.trim().is_empty() => self.parse(name, parse),
            _ => Some(default),
        }
    }

    /// The address of a server, without query, fragment or trailing slash: `https`, or `http` for a machine's own.
    pub fn base_url(&mut self, name: &str) -> Option<String> {
        self.parse(name, |url| {
            let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@');
            let rest = url.strip_prefix("https://");
            let rest = rest.or_else(|| url.strip_prefix("http://")).unwrap_or_default();
            let is_good = !rest.is_empty() && !rest.starts_with('/') && !rest.contains(odd);
            let base = is_good.then(|| url.trim_end_matches('/').to_owned());
            base.ok_or("an http(s) address without query is needed")
        })
    }

    /// What `build` makes of the values read; where anything was wrong with them, that. Panics where `build` finds a value missing
    /// that no reading has noted.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, ConfigError> {
        let Self { faults, .. } = self;
        if faults.is_empty() {
            return Ok(build().expect("every reading that gives nothing notes a fault"));
        }
        Err(ConfigError { faults })
    }
}

#[test]
fn all_faults_are_named_at_once_and_no_value() {
    let set = |name: &str| {
        let set = [
            ("KEY", "s3cret"),
            ("NUMBER", "3"),
            ("URL", "ftp://s3cret"),
            ("EMPTY", " "),
        ];
        set.iter().find(|set| set.0 == name).map(|set| set.1.to_owned())
    };
    let mut env = Variables::of(set);
    assert_eq!(env.parse_or("NUMBER", 1, str::parse), Some(3));
    assert_eq!(env.parse_or("NO_NUMBER", 1, str::parse), Some(1));
    assert_eq!(env.text("KEY").as_deref(), Some("s3cret"));
    assert_eq!([env.text("ABSENT"), env.text("EMPTY")], [None, None]);
    let key = env.parse("KEY", |_| Err::<u8, _>("32 bytes are needed"));
    let url = env.base_url("URL");
    let error = env.finish(|| Some((key?, url?))).expect_err("four faults");
    let expected = "the environment is incomplete: ABSENT is missing; EMPTY is missing; KEY: 32 bytes are needed; \
                    URL: an http(s) address without query is needed";
    assert_eq!(error.to_string(), expected);
    assert_eq!(Variables::of(set).finish(|| Some(7)), Ok(7));
}

#[test]
fn a_base_url_is_an_address_and_nothing_else() {
    let read = |url: &'static str| Variables::of(move |_| Some(url.to_owned())).base_url("URL");
    for bad in " shop.example https:// https:///x https://a\tb https://a?b https://u@h file:///x".split(' ') {
        assert_eq!(read(bad), None, "{bad}");
    }
    assert_eq!(
        read("http://127.0.0.1:3001").as_deref(),
        Some("http://127.0.0.1:3001")
    );
    assert_eq!(
        read("https://erp.shop/api/").as_deref(),
        Some("https://erp.shop/api")
    );
}
