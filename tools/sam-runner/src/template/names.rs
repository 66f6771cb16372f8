//! What the intrinsic functions look up: names in the account and parameters.

use super::intrinsics::{Resolver, Surroundings};
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
            "AWS::Logs::LogGroup" => "LogGroupName",
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
            ("AWS::Logs::LogGroup", "Arn") => format!("arn:aws:logs:{region}:{account}:log-group:{name}:*"),
            // Keys, roles and the like do not exist here; what refers to them gets a name that is at least readable.
            (_, "Arn") => format!("arn:aws:local:{region}:{account}:{name}"),
            _ => format!("{name}.{attribute}"),
        })
    }
}
