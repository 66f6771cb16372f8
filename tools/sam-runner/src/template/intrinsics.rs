//! `CloudFormation`'s intrinsic functions, parameters and conditions.

use super::document::{Document, is_intrinsic};
use super::properties::{Properties, scalar_text};
use super::{Result, TemplateError};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Nested deeper than this, a template refers to itself.
const DEEPEST: u32 = 100;

/// What a template cannot know by itself: the account it would be deployed to and what other services answer.
pub struct Surroundings<'a> {
    /// `AWS::StackName`; also begins the names of tables and queues that the template leaves unnamed.
    pub stack_name: &'a str,
    /// `AWS::Region`.
    pub region: &'a str,
    /// `AWS::AccountId`, 12 digits.
    pub account: &'a str,
    /// Parameters that differ from their defaults.
    pub parameters: BTreeMap<String, String>,
    /// The address of the queue with this name.
    pub queue_url: &'a (dyn Fn(&str) -> String + Sync),
}

/// Answers the intrinsic functions of one template.
pub struct Resolver<'a> {
    pub(super) document: &'a Document,
    pub(super) surroundings: &'a Surroundings<'a>,
    depth: Cell<u32>,
}

impl<'a> Resolver<'a> {
    /// A resolver for `document`. Refuses overrides of parameters that the template does not have.
    pub fn new(
        document: &'a Document,
        surroundings: &'a Surroundings<'a>,
    ) -> std::result::Result<Self, TemplateError> {
        for name in surroundings.parameters.keys() {
            if document.entry("Parameters", name).is_none() {
                return Err(TemplateError::at(
                    format!("Parameters.{name}"),
                    "is missing; the local world sets it, so the template must declare it",
                ));
            }
        }
        Ok(Self {
            document,
            surroundings,
            depth: Cell::new(0),
        })
    }

    pub(super) fn document(&self) -> &'a Document {
        self.document
    }

    /// The resources of the kind `kind` whose condition holds, in the order of their names.
    pub fn resources(&self, kind: &str) -> Result<Vec<&'a str>> {
        let mut ids = Vec::new();
        for (id, resource) in self.document.entries("Resources") {
            let is_of_kind = resource.get("Type").and_then(Value::as_str) == Some(kind);
            if is_of_kind && self.exists(id, resource)? {
                ids.push(id.as_str());
            }
        }
        Ok(ids)
    }

    fn exists(&self, id: &str, resource: &Value) -> Result<bool> {
        match resource.get("Condition") {
            None => Ok(true),
            Some(Value::String(name)) => self.condition(name, &format!("Resources.{id}.Condition")),
            Some(_) => Err(TemplateError::at(
                format!("Resources.{id}.Condition"),
                "must be a condition's name",
            )),
        }
    }

    /// The resolved properties of a resource, of which only those named are looked at.
    pub(super) fn properties(&self, id: &str, names: &[&str]) -> Result<Properties> {
        let place = format!("Resources.{id}.Properties");
        let mut values = self.document.properties_of(id);
        values.retain(|name, _| names.contains(&name.as_str()));
        Ok(Properties::new(place.clone(), self.map(&values, &place)?))
    }

    /// The value with every intrinsic function resolved; `None` is `AWS::NoValue`. `place` is its path, for errors.
    pub fn value(&self, value: &Value, place: &str) -> Result<Option<Value>> {
        let depth = self.depth.get() + 1;
        if depth > DEEPEST {
            return Err(TemplateError::at(place, "refers to itself"));
        }
        self.depth.set(depth);
        let resolved = match value {
            Value::Object(map) if is_intrinsic(map) => self.intrinsic(map, place),
            Value::Object(map) => self.map(map, place).map(|map| Some(Value::Object(map))),
            Value::Array(items) => self.list(items, place).map(|items| Some(Value::Array(items))),
            Value::String(text) if text.contains("{{resolve:") => Err(TemplateError::at(
                place,
                "has a dynamic reference, which the local world does not resolve; secrets are read at run time",
            )),
            scalar => Ok(Some(scalar.clone())),
        };
        self.depth.set(depth - 1);
        resolved
    }

    fn map(&self, map: &Map<String, Value>, place: &str) -> Result<Map<String, Value>> {
        let mut resolved = Map::new();
        for (name, value) in map {
            if let Some(value) = self.value(value, &format!("{place}.{name}"))? {
                resolved.insert(name.clone(), value);
            }
        }
        Ok(resolved)
    }

    fn list(&self, items: &[Value], place: &str) -> Result<Vec<Value>> {
        let mut resolved = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            resolved.extend(self.value(item, &format!("{place}.{index}"))?);
        }
        Ok(resolved)
    }

    fn intrinsic(&self, map: &Map<String, Value>, place: &str) -> Result<Option<Value>> {
        let Some((name, argument)) = map.iter().next() else {
            return Ok(None);
        };
        let place = &format!("{place}.{name}");
        match name.as_str() {
            "Ref" => self.reference(literal(argument, place)?, place),
            "Fn::GetAtt" => self.attribute(argument, place).map(Some),
            "Fn::Sub" => Ok(Some(self.substitute(argument, place)?.into())),
            "Fn::Join" => Ok(Some(self.join(argument, place)?.into())),
            "Fn::Split" => self.split(argument, place).map(Some),
            "Fn::Select" => self.select(argument, place).map(Some),
            "Fn::FindInMap" => self.find_in_map(argument, place).map(Some),
            "Fn::If" => self.choose(argument, place),
            "Condition" => Ok(Some(self.condition(literal(argument, place)?, place)?.into())),
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
                Ok(Some(self.holds(name, argument, place)?.into()))
            }
            _ => Err(TemplateError::at(
                place,
                "is not known to the local world; use Ref, GetAtt, Sub, Join, Split, Select, FindInMap or If",
            )),
        }
    }

    /// `!Ref name`: a pseudo parameter, a parameter, or a resource's main name.
    fn reference(&self, name: &str, place: &str) -> Result<Option<Value>> {
        let here = self.surroundings;
        let text = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => here.region,
            "AWS::AccountId" => here.account,
            "AWS::StackName" => here.stack_name,
            "AWS::Partition" => "aws",
            "AWS::URLSuffix" => "amazonaws.com",
            "AWS::StackId" => &format!(
                "arn:aws:cloudformation:{}:{}:stack/{}/local",
                here.region, here.account, here.stack_name
            ),
            "AWS::NotificationARNs" => return Ok(Some(Value::Array(Vec::new()))),
            _ if self.document.entry("Parameters", name).is_some() => {
                return self.parameter(name, place).map(Some);
            }
            _ => return self.main_name(name, place).map(|name| Some(Value::String(name))),
        };
        Ok(Some(Value::String(text.to_owned())))
    }

    fn attribute(&self, argument: &Value, place: &str) -> Result<Value> {
        let (id, attribute) = resource_and_attribute(argument)
            .ok_or_else(|| TemplateError::at(place, "must be Resource.Attribute"))?;
        self.attribute_of(id, attribute, place).map(Value::String)
    }

    fn substitute(&self, argument: &Value, place: &str) -> Result<String> {
        let parts = argument.as_array().map(Vec::as_slice);
        let (text, names) = match (argument, parts) {
            (Value::String(text), _) => (text, Map::new()),
            (_, Some([Value::String(text), Value::Object(names)])) => (text, self.map(names, place)?),
            _ => {
                let problem = "must be a text, or a text and a map of names";
                return Err(TemplateError::at(place, problem));
            }
        };
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| TemplateError::at(place, "has a `${` without its `}`"))?;
            out.push_str(before);
            out.push_str(&self.substitution(name, &names, place)?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn substitution(&self, name: &str, names: &Map<String, Value>, place: &str) -> Result<String> {
        if let Some(literal) = name.strip_prefix('!') {
            return Ok(format!("${{{literal}}}"));
        }
        let name = name.trim();
        let value = match (names.get(name), name.split_once('.')) {
            (Some(value), _) => Some(value.clone()),
            (None, Some((id, attribute))) => return self.attribute_of(id, attribute, place),
            (None, None) => self.reference(name, place)?,
        };
        value
            .as_ref()
            .and_then(scalar_text)
            .ok_or_else(|| TemplateError::at(place, format!("`${{{name}}}` is no text")))
    }

    fn join(&self, argument: &Value, place: &str) -> Result<String> {
        let [separator, items] = self.arguments(argument, place)?;
        let (Value::String(separator), Value::Array(items)) = (&separator, &items) else {
            return Err(TemplateError::at(place, "must be a separator and a list"));
        };
        let texts: Option<Vec<String>> = items.iter().map(scalar_text).collect();
        let texts = texts.ok_or_else(|| TemplateError::at(place, "joins something that is no text"))?;
        Ok(texts.join(separator))
    }

    fn split(&self, argument: &Value, place: &str) -> Result<Value> {
        let [separator, text] = self.arguments(argument, place)?;
        match (&separator, &text) {
            (Value::String(separator), Value::String(text)) if !separator.is_empty() => {
                Ok(text.split(separator.as_str()).map(Value::from).collect())
            }
            _ => Err(TemplateError::at(place, "must be a separator and a text")),
        }
    }

    fn select(&self, argument: &Value, place: &str) -> Result<Value> {
        let [index, items] = self.arguments(argument, place)?;
        let index = scalar_text(&index).and_then(|index| index.parse::<usize>().ok());
        match (index, &items) {
            (Some(index), Value::Array(items)) => items.get(index).cloned().ok_or_else(|| {
                TemplateError::at(
                    place,
                    format!("there is no item {index} in a list of {}", items.len()),
                )
            }),
            _ => Err(TemplateError::at(place, "must be an index and a list")),
        }
    }

    fn find_in_map(&self, argument: &Value, place: &str) -> Result<Value> {
        let keys: [Value; 3] = self.arguments(argument, place)?;
        let [Some(map), Some(first), Some(second)] = keys.each_ref().map(scalar_text) else {
            return Err(TemplateError::at(place, "must be a map's name and two keys"));
        };
        let found = self
            .document
            .entry("Mappings", &map)
            .and_then(|map| map.get(&first)?.get(&second))
            .cloned();
        found.ok_or_else(|| TemplateError::at(place, format!("there is no Mappings.{map}.{first}.{second}")))
    }

    fn choose(&self, argument: &Value, place: &str) -> Result<Option<Value>> {
        match argument.as_array().map(Vec::as_slice) {
            Some([Value::String(condition), yes, no]) => {
                let branch = if self.condition(condition, place)? {
                    yes
                } else {
                    no
                };
                self.value(branch, place)
            }
            _ => Err(TemplateError::at(
                place,
                "must be a condition's name and two values",
            )),
        }
    }

    fn condition(&self, name: &str, place: &str) -> Result<bool> {
        let expression = self
            .document
            .entry("Conditions", name)
            .ok_or_else(|| TemplateError::at(place, format!("there is no condition `{name}`")))?;
        let place = format!("Conditions.{name}");
        match self.value(expression, &place)? {
            Some(Value::Bool(holds)) => Ok(holds),
            _ => Err(TemplateError::at(
                place,
                "must be Equals, And, Or, Not or Condition",
            )),
        }
    }

    fn holds(&self, name: &str, argument: &Value, place: &str) -> Result<bool> {
        if name == "Fn::Equals" {
            let [left, right]: [Value; 2] = self.arguments(argument, place)?;
            // CloudFormation compares texts: the parameter "1" equals the number 1.
            return Ok(match (scalar_text(&left), scalar_text(&right)) {
                (Some(left), Some(right)) => left == right,
                _ => left == right,
            });
        }
        let terms = match self.value(argument, place)? {
            Some(Value::Array(terms)) => terms,
            _ => Vec::new(),
        };
        let terms: Option<Vec<bool>> = terms.iter().map(Value::as_bool).collect();
        match (name, terms.as_deref()) {
            ("Fn::Not", Some([term])) => Ok(!term),
            ("Fn::And", Some(terms)) if !terms.is_empty() => Ok(terms.iter().all(|term| *term)),
            ("Fn::Or", Some(terms)) if !terms.is_empty() => Ok(terms.iter().any(|term| *term)),
            _ => Err(TemplateError::at(place, "must be a list of conditions")),
        }
    }

    /// The arguments of a function that takes exactly `N`.
    fn arguments<const N: usize>(&self, argument: &Value, place: &str) -> Result<[Value; N]> {
        match self.value(argument, place)? {
            Some(Value::Array(items)) => items.try_into().ok(),
            _ => None,
        }
        .ok_or_else(|| TemplateError::at(place, format!("must be a list of {N}")))
    }
}

/// The argument of `!GetAtt`: `Resource.Attribute`, or a list of the two.
pub(super) fn resource_and_attribute(argument: &Value) -> Option<(&str, &str)> {
    match (argument, argument.as_array().map(Vec::as_slice)) {
        (Value::String(path), _) => path.split_once('.'),
        (_, Some([Value::String(id), Value::String(attribute)])) => Some((id, attribute)),
        _ => None,
    }
}

fn literal<'v>(argument: &'v Value, place: &str) -> Result<&'v str> {
    argument
        .as_str()
        .ok_or_else(|| TemplateError::at(place, "must be a name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::PathBuf;

    const TEMPLATE: &str = "
Parameters:
  Stage: {Type: String, Default: dev}
  Names: {Type: CommaDelimitedList, Default: 'a, b'}
  Given: {Type: String}
  Count: {Type: Number, Default: 4}
Mappings:
  Sizes: {dev: {memory: 128}, prod: {memory: 512}}
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsFour: !Equals [!Ref Count, 4]
  Neither: !And [!Not [!Condition IsDev], !Condition IsFour]
  Either: !Or [!Condition IsDev, !Equals [a, b]]
  Loop: !Not [!Condition Loop]
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Named: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${Stage}-orders'}}
  Table: {Type: AWS::DynamoDB::Table}
  Worker: {Type: AWS::Serverless::Function, Properties: {FunctionName: !Sub '${AWS::StackName}-worker'}}
  Key: {Type: AWS::KMS::Key}
  Never: {Type: AWS::SQS::Queue, Condition: Neither}
  Selfish: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt Selfish.QueueName}}
";

    fn with<T>(parameter: &str, look: impl FnOnce(Result<Resolver<'_>>) -> T) -> T {
        let document = Document::parse(TEMPLATE, PathBuf::new()).expect("a template");
        let surroundings = Surroundings {
            stack_name: "shop",
            region: "eu-central-1",
            account: "000000000000",
            parameters: BTreeMap::from([(parameter.to_owned(), "g".to_owned())]),
            queue_url: &|name| format!("http://queues/{name}"),
        };
        look(Resolver::new(&document, &surroundings))
    }

    fn resolve(yaml: &str) -> Result<Option<Value>> {
        let wrapped = format!("Resources: {{R: {{Properties: {{V: {yaml}}}}}}}");
        let wrapped = Document::parse(&wrapped, PathBuf::new()).expect("a value");
        let value = wrapped.properties_of("R").remove("V").expect("V");
        with("Given", |resolver| resolver?.value(&value, "V"))
    }

    #[test]
    fn each_function_gives_its_value() {
        let arn =
            |service: &str, name: &str| json!(format!("arn:aws:{service}:eu-central-1:000000000000:{name}"));
        for (yaml, value) in [
            ("!Ref Stage", json!("dev")),
            ("!Ref Given", json!("g")),
            ("!Ref Names", json!(["a", "b"])),
            ("!Ref AWS::Region", json!("eu-central-1")),
            ("!Ref AWS::AccountId", json!("000000000000")),
            ("!Ref AWS::StackName", json!("shop")),
            ("!Ref AWS::StackId", arn("cloudformation", "stack/shop/local")),
            ("!Ref Queue", json!("http://queues/shop-Queue")),
            ("!Ref Named", json!("http://queues/dev-orders")),
            ("!Ref Table", json!("shop-Table")),
            ("!Ref Worker", json!("shop-worker")),
            ("!Ref Key", json!("Key")),
            ("!GetAtt Named.Arn", arn("sqs", "dev-orders")),
            ("!GetAtt [Named, QueueName]", json!("dev-orders")),
            ("!GetAtt Named.QueueUrl", json!("http://queues/dev-orders")),
            ("!GetAtt Table.Arn", arn("dynamodb", "table/shop-Table")),
            ("!GetAtt Worker.Arn", arn("lambda", "function:shop-worker")),
            ("!GetAtt Key.Arn", arn("local", "Key")),
            ("!Sub 'x-${Stage}-${Named.QueueName}'", json!("x-dev-dev-orders")),
            ("!Sub 'x-${AWS::Region}'", json!("x-eu-central-1")),
            ("!Sub ['${A}/${Stage}', {A: !Ref Count}]", json!("4/dev")),
            ("!Sub 'keep ${!Stage}'", json!("keep ${Stage}")),
            ("!Join ['-', [a, !Ref Stage, 3]]", json!("a-dev-3")),
            ("!Split [',', 'a,b']", json!(["a", "b"])),
            ("!Select [1, !Split [',', 'a,b']]", json!("b")),
            ("!Select ['0', !Ref Names]", json!("a")),
            ("!FindInMap [Sizes, !Ref Stage, memory]", json!(128)),
            ("!If [IsDev, 1, 2]", json!(1)),
            ("!If [Neither, 1, 2]", json!(2)),
            ("!If [Either, 1, 2]", json!(1)),
            ("!If [IsFour, 1, 2]", json!(1)),
            ("{a: !If [IsDev, !Ref AWS::NoValue, 1], b: 2}", json!({"b": 2})),
            ("[!Ref AWS::NoValue, 1]", json!([1])),
        ] {
            assert_eq!(resolve(yaml), Ok(Some(value)), "{yaml}");
        }
        assert_eq!(resolve("!Ref AWS::NoValue"), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (yaml, says) in [
            (
                "!Ref Nobody",
                "V.Ref: `Nobody` is neither a parameter nor a resource",
            ),
            (
                "!Sub '${Nobody}'",
                "`Nobody` is neither a parameter nor a resource",
            ),
            ("!Sub 'x ${Stage'", "without its"),
            ("!Select [7, [a]]", "no item 7"),
            ("!FindInMap [Sizes, test, memory]", "Mappings.Sizes.test.memory"),
            ("!If [Nobody, 1, 2]", "no condition `Nobody`"),
            ("'{{resolve:ssm:/shop/key:1}}'", "does not resolve"),
            (
                "!ImportValue x",
                "V.Fn::ImportValue: is not known to the local world",
            ),
            ("!Join [a]", "must be a list of 2"),
            ("!If [Loop, 1, 2]", "refers to itself"),
            ("!Ref Selfish", "refers to itself"),
        ] {
            let fault = resolve(yaml).expect_err(yaml).to_string();
            assert!(fault.contains(says), "{fault}");
        }
    }

    #[test]
    fn a_resource_whose_condition_fails_is_absent() {
        let queues = |resolver: Result<Resolver<'_>>| {
            let queues = resolver?.resources("AWS::SQS::Queue")?;
            Result::Ok(queues.join(" "))
        };
        assert_eq!(with("Given", queues), Ok("Named Queue Selfish".to_owned()));
    }

    #[test]
    fn an_override_needs_its_parameter() {
        let fault = with("Nobody", |resolver| resolver.err().expect("refused"));
        assert_eq!(fault.place(), "Parameters.Nobody");
    }
}
