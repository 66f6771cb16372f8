//! What is wrong with a template, and where.

/// A fault in the template: where it is, and what to do about it, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct TemplateError {
    place: String,
    problem: String,
}

pub(super) type Result<T> = std::result::Result<T, TemplateError>;

impl TemplateError {
    /// A fault at `place`, a dotted path such as `Resources.Catalog.Properties.Timeout`.
    pub(super) fn at(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
        }
    }

    /// The dotted path of the fault.
    pub fn place(&self) -> &str {
        &self.place
    }
}
