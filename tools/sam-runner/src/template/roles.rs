//! The roles of the functions: what each may do.

use super::intrinsics::resource_and_attribute;
use super::{Properties, Resolver, Result, TemplateError};
use serde_json::Value;

/// What a function may do: all of this, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// Logical id in the template; empty for the role that SAM would make, which may do nothing but log.
    pub id: String,
    /// What it allows.
    pub statements: Vec<Statement>,
}

/// One statement of a role: every one of the actions on every one of the resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name, empty where it has none.
    pub sid: String,
    /// Such as `dynamodb:GetItem`; may have wildcards.
    pub actions: Vec<String>,
    /// ARNs; may have wildcards.
    pub resources: Vec<String>,
}

impl Role {
    /// The role of a function.
    pub(super) fn of_function(resolver: &Resolver<'_>, function: &str) -> Result<Self> {
        let properties = resolver.document().properties_of(function);
        let Some(reference) = properties.get("Role") else {
            return Ok(Self::default());
        };
        let id = id_in(reference).ok_or_else(|| {
            TemplateError::at(
                format!("Resources.{function}.Properties.Role"),
                "must be `!GetAtt ROLE.Arn` of a role in this template: the local world holds the function to it",
            )
        })?;
        let role = resolver.properties(id, &["ManagedPolicyArns", "PermissionsBoundary", "Policies"])?;
        for unknown in ["ManagedPolicyArns", "PermissionsBoundary"] {
            if role.contains(unknown) {
                return Err(role.fault(
                    unknown,
                    "is not known to the local world; write the rights as Policies",
                ));
            }
        }
        let mut statements = Vec::new();
        for (index, policy) in role.maps("Policies")?.into_iter().enumerate() {
            let place = format!("{}.Policies.{index}", role.place());
            let document = Properties::new(place, policy).section("PolicyDocument")?;
            for (index, statement) in document.maps("Statement")?.into_iter().enumerate() {
                let place = format!("{}.Statement.{index}", document.place());
                statements.push(Statement::read(&Properties::new(place, statement))?);
            }
        }
        let id = id.to_owned();
        Ok(Self { id, statements })
    }
}

impl Statement {
    fn read(statement: &Properties) -> Result<Self> {
        let known = ["Action", "Effect", "Resource", "Sid"];
        if let Some(unknown) = statement.names().find(|name| !known.contains(name)) {
            return Err(statement.fault(unknown, "is not known to the local world"));
        }
        if statement.required_text("Effect")? != "Allow" {
            return Err(statement.fault("Effect", "must be Allow"));
        }
        Ok(Self {
            sid: statement.text("Sid")?.unwrap_or_default(),
            actions: statement.one_or_more("Action")?,
            resources: statement.one_or_more("Resource")?,
        })
    }
}

/// The id in `!GetAtt ID.Arn`.
fn id_in(reference: &Value) -> Option<&str> {
    let (id, attribute) = resource_and_attribute(reference.get("Fn::GetAtt")?)?;
    (attribute == "Arn").then_some(id)
}
