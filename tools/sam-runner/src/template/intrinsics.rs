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
            "Fn::Sub" => self
                .substitute(argument, place)
                .map(|text| Some(Value::String(text))),
            "Fn::Join" => self.join(argument, place).map(|text| Some(Value::String(text))),
            "Fn::Split" => self.split(argument, place).map(Some),
            "Fn::Select" => self.select(argument, place).map(Some),
            "Fn::FindInMap" => self.find_in_map(argument, place).map(Some),
            "Fn::If" => self.choose(argument, place),
            "Condition" => self
                .condition(literal(argument, place)?, place)
                .map(|holds| Some(Value::Bool(holds))),
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => self
                .holds(name, argument, place)
                .map(|holds| Some(Value::Bool(holds))),
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
            "AWS::StackId" => {
                let Surroundings {
                    region,
                    account,
                    stack_name,
                    ..
                } = here;
                return Ok(Some(Value::String(format!(
                    "arn:aws:cloudformation:{region}:{account}:stack/{stack_name}/local"
                ))));
            }
            "AWS::NotificationARNs" => return Ok(Some(Value::Array(Vec::new()))),
            _ if self.document.entry("Parameters", name).is_some() => {
                return self.parameter(name, place).map(Some);
            }
            _ => return self.main_name(name, place).map(|name| Some(Value::String(name))),
        };
        Ok(Some(Value::String(text.to_owned())))
    }

    fn attribute(&self, argument: &Value, place: &str) -> Result<Value> {
        let (id, attribute) = match argument {
            Value::String(path) => path.split_once('.'),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(id), Value::String(attribute)] => Some((id.as_str(), attribute.as_str())),
                _ => None,
            },
            _ => None,
        }
        .ok_or_else(|| TemplateError::at(place, "must be Resource.Attribute"))?;
        self.attribute_of(id, attribute, place).map(Value::String)
    }

    fn substitute(&self, argument: &Value, place: &str) -> Result<String> {
        let (text, names) = match argument {
            Value::String(text) => (text.as_str(), Map::new()),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(text), Value::Object(names)] => (text.as_str(), self.map(names, place)?),
                _ => {
                    return Err(TemplateError::at(
                        place,
                        "must be a text, or a text and a map of names",
                    ));
                }
            },
            _ => {
                return Err(TemplateError::at(
                    place,
                    "must be a text, or a text and a map of names",
                ));
            }
        };
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
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

    fn resolve(yaml: &str) -> Result<Option<Value>> {
        let document = Document::parse(TEMPLATE, PathBuf::new()).expect("a template");
        let surroundings = Surroundings {
            stack_name: "shop",
            region: "eu-central-1",
            account: "000000000000",
            parameters: BTreeMap::from([("Given".to_owned(), "g".to_owned())]),
            queue_url: &|name| format!("http://queues/{name}"),
        };
        let resolver = Resolver::new(&document, &surroundings).expect("a resolver");
        let wrapped = Document::parse(
            &format!("Resources: {{R: {{Properties: {{V: {yaml}}}}}}}"),
            PathBuf::new(),
        );
        let value = wrapped
            .expect("a value")
            .properties_of("R")
            .remove("V")
            .expect("V");
        resolver.value(&value, "V")
    }

    fn value(yaml: &str) -> Value {
        resolve(yaml).expect(yaml).expect("a value")
    }

    fn fault(yaml: &str) -> String {
        resolve(yaml).expect_err(yaml).to_string()
    }

    #[test]
    fn ref_gives_parameters_pseudo_parameters_and_names() {
        assert_eq!(value("!Ref Stage"), json!("dev"));
        assert_eq!(value("!Ref Given"), json!("g"));
        assert_eq!(value("!Ref Names"), json!(["a", "b"]));
        assert_eq!(value("!Ref AWS::Region"), json!("eu-central-1"));
        assert_eq!(value("!Ref AWS::AccountId"), json!("000000000000"));
        assert_eq!(value("!Ref AWS::StackName"), json!("shop"));
        assert_eq!(value("!Ref Queue"), json!("http://queues/shop-Queue"));
        assert_eq!(value("!Ref Named"), json!("http://queues/dev-orders"));
        assert_eq!(value("!Ref Table"), json!("shop-Table"));
        assert_eq!(value("!Ref Worker"), json!("shop-worker"));
        assert_eq!(value("!Ref Key"), json!("Key"));
    }

    #[test]
    fn get_att_gives_arns_and_names() {
        assert_eq!(
            value("!GetAtt Named.Arn"),
            json!("arn:aws:sqs:eu-central-1:000000000000:dev-orders")
        );
        assert_eq!(value("!GetAtt [Named, QueueName]"), json!("dev-orders"));
        assert_eq!(value("!GetAtt Named.QueueUrl"), json!("http://queues/dev-orders"));
        assert_eq!(
            value("!GetAtt Table.Arn"),
            json!("arn:aws:dynamodb:eu-central-1:000000000000:table/shop-Table")
        );
        assert_eq!(
            value("!GetAtt Worker.Arn"),
            json!("arn:aws:lambda:eu-central-1:000000000000:function:shop-worker")
        );
        assert_eq!(
            value("!GetAtt Key.Arn"),
            json!("arn:aws:local:eu-central-1:000000000000:Key")
        );
    }

    #[test]
    fn sub_takes_names_attributes_a_map_and_literals() {
        assert_eq!(
            value("!Sub 'x-${Stage}-${Named.QueueName}-${AWS::Region}'"),
            json!("x-dev-dev-orders-eu-central-1")
        );
        assert_eq!(value("!Sub ['${A}/${Stage}', {A: !Ref Count}]"), json!("4/dev"));
        assert_eq!(value("!Sub 'keep ${!Stage}'"), json!("keep ${Stage}"));
        assert!(fault("!Sub '${Nobody}'").contains("`Nobody` is neither a parameter nor a resource"));
        assert!(fault("!Sub 'x ${Stage'").contains("without its"));
    }

    #[test]
    fn join_split_select_and_find_in_map_compose() {
        assert_eq!(value("!Join ['-', [a, !Ref Stage, 3]]"), json!("a-dev-3"));
        assert_eq!(value("!Split [',', 'a,b']"), json!(["a", "b"]));
        assert_eq!(value("!Select [1, !Split [',', 'a,b']]"), json!("b"));
        assert_eq!(value("!Select ['0', !Ref Names]"), json!("a"));
        assert_eq!(value("!FindInMap [Sizes, !Ref Stage, memory]"), json!(128));
        assert!(fault("!Select [7, [a]]").contains("no item 7"));
        assert!(fault("!FindInMap [Sizes, test, memory]").contains("Mappings.Sizes.test.memory"));
    }

    #[test]
    fn conditions_choose_and_no_value_disappears() {
        assert_eq!(value("!If [IsDev, 1, 2]"), json!(1));
        assert_eq!(value("!If [Neither, 1, 2]"), json!(2));
        assert_eq!(value("!If [Either, 1, 2]"), json!(1));
        assert_eq!(value("!If [IsFour, 1, 2]"), json!(1));
        assert_eq!(
            value("{a: !If [IsDev, !Ref AWS::NoValue, 1], b: 2}"),
            json!({"b": 2})
        );
        assert_eq!(value("[!Ref AWS::NoValue, 1]"), json!([1]));
        assert_eq!(resolve("!Ref AWS::NoValue"), Ok(None));
        assert!(fault("!If [Nobody, 1, 2]").contains("no condition `Nobody`"));
    }

    #[test]
    fn a_dynamic_reference_is_refused() {
        let fault = fault("'{{resolve:secretsmanager:a:SecretString:k}}'");
        assert!(fault.contains("does not resolve"), "{fault}");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert_eq!(
            fault("!Ref Nobody"),
            "V.Ref: `Nobody` is neither a parameter nor a resource"
        );
        assert!(fault("!ImportValue x").starts_with("V.Fn::ImportValue: is not known to the local world"));
        assert!(fault("!Join [a]").contains("must be a list of 2"));
    }

    #[test]
    fn a_circle_ends_with_an_error() {
        assert!(fault("!If [Loop, 1, 2]").contains("refers to itself"));
        assert!(fault("!Ref Selfish").contains("refers to itself"));
    }

    #[test]
    fn a_resource_whose_condition_fails_is_absent() {
        let document = Document::parse(TEMPLATE, PathBuf::new()).expect("a template");
        let surroundings = Surroundings {
            stack_name: "shop",
            region: "r",
            account: "a",
            parameters: BTreeMap::new(),
            queue_url: &|_| String::new(),
        };
        let resolver = Resolver::new(&document, &surroundings).expect("a resolver");
        assert_eq!(
            resolver.resources("AWS::SQS::Queue"),
            Ok(vec!["Named", "Queue", "Selfish"])
        );
    }

    #[test]
    fn an_override_needs_its_parameter() {
        let document = Document::parse(TEMPLATE, PathBuf::new()).expect("a template");
        let surroundings = Surroundings {
            stack_name: "shop",
            region: "r",
            account: "a",
            parameters: BTreeMap::from([("Nobody".to_owned(), String::new())]),
            queue_url: &|_| String::new(),
        };
        let fault = Resolver::new(&document, &surroundings).err().expect("refused");
        assert_eq!(fault.place(), "Parameters.Nobody");
    }
}
