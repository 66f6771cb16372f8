//! What the intrinsic functions look up: names in the account, parameters, secrets.

use super::intrinsics::{Resolver, SecretReference, Surroundings};
use super::properties::scalar_text;
use super::{Result, TemplateError};
use serde_json::Value;

impl Resolver<'_> {
    /// The value of a parameter: a text, or a list where its type says so.
    pub(super) fn parameter(&self, name: &str, place: &str) -> Result<Value> {
        let declared = self.document.entry("Parameters", name);
        let value = match self.surroundings.parameters.get(name) {
            Some(value) => value.clone(),
            None => declared
                .and_then(|parameter| scalar_text(parameter.get("Default")?))
                .ok_or_else(|| {
                    TemplateError::at(
                        place,
                        format!("the parameter {name} has no default and is not set"),
                    )
                })?,
        };
        let kind = declared
            .and_then(|parameter| parameter.get("Type")?.as_str())
            .unwrap_or("String");
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            return Ok(value
                .split(',')
                .map(|item| Value::String(item.trim().to_owned()))
                .collect());
        }
        Ok(Value::String(value))
    }

    /// What `!Ref` gives for a resource.
    pub(super) fn main_name(&self, id: &str, place: &str) -> Result<String> {
        let name = self.physical_name(id, place)?;
        match self.kind(id) {
            Some("AWS::SQS::Queue") => Ok((self.surroundings.queue_url)(&name)),
            _ => Ok(name),
        }
    }

    fn kind(&self, id: &str) -> Option<&str> {
        self.document.entry("Resources", id)?.get("Type")?.as_str()
    }

    /// The name that a resource has in the account: its own, or one made of the stack's and the resource's.
    pub(super) fn physical_name(&self, id: &str, place: &str) -> Result<String> {
        let Some(kind) = self.kind(id) else {
            return Err(TemplateError::at(
                place,
                format!("`{id}` is neither a parameter nor a resource"),
            ));
        };
        let property = match kind {
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => "FunctionName",
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::SQS::Queue" => "QueueName",
            _ => return Ok(id.to_owned()),
        };
        match self.properties(id, &[property])?.text(property)? {
            Some(name) => Ok(name),
            None => Ok(format!("{}-{id}", self.surroundings.stack_name)),
        }
    }

    /// What `!GetAtt` gives for a resource.
    pub(super) fn attribute_of(&self, id: &str, attribute: &str, place: &str) -> Result<String> {
        let name = self.physical_name(id, place)?;
        let Surroundings { region, account, .. } = self.surroundings;
        Ok(match (self.kind(id).unwrap_or_default(), attribute) {
            ("AWS::SQS::Queue", "Arn") => format!("arn:aws:sqs:{region}:{account}:{name}"),
            ("AWS::SQS::Queue", "QueueUrl") => (self.surroundings.queue_url)(&name),
            ("AWS::SQS::Queue", "QueueName") => name,
            ("AWS::DynamoDB::Table", "Arn") => format!("arn:aws:dynamodb:{region}:{account}:table/{name}"),
            ("AWS::Serverless::Function" | "AWS::Lambda::Function", "Arn") => {
                format!("arn:aws:lambda:{region}:{account}:function:{name}")
            }
            // Keys, roles and the like do not exist here; what refers to them gets a name that is at least readable.
            (_, "Arn") => format!("arn:aws:local:{region}:{account}:{name}"),
            _ => format!("{name}.{attribute}"),
        })
    }

    /// Replaces the dynamic references in a text.
    pub(super) fn secrets(&self, text: &str, place: &str) -> Result<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{resolve:") {
            // Without its end it is only a part of a reference, for instance an item that `Join` completes.
            let Some((reference, after)) = after.split_once("}}") else {
                break;
            };
            out.push_str(before);
            out.push_str(&self.secret(reference, place)?);
            rest = after;
        }
        if out.is_empty() && rest.len() == text.len() {
            return Ok(text.to_owned());
        }
        out.push_str(rest);
        Ok(out)
    }

    fn secret(&self, reference: &str, place: &str) -> Result<String> {
        let path = reference.strip_prefix("secretsmanager:").ok_or_else(|| {
            TemplateError::at(
                place,
                format!("`{reference}`: the local world knows secretsmanager references only"),
            )
        })?;
        let (name, rest) = path.split_once(":SecretString").unwrap_or((path, ""));
        let key = rest.trim_start_matches(':').split(':').next().unwrap_or_default();
        (self.surroundings.secret)(&SecretReference { name, key }).ok_or_else(|| {
            TemplateError::at(
                place,
                format!("the local world has no secret for the key `{key}` of `{name}`"),
            )
        })
    }
}
