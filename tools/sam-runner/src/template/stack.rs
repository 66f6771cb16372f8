//! Everything of the template that the local world brings to life.

use super::{Function, Properties, Resolver, Result, TemplateError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The resolved template.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// The functions, in the order of their ids.
    pub functions: Vec<Function>,
    /// The tables, in the order of their ids.
    pub tables: Vec<Table>,
    /// The queues, those that others send their dead letters to first.
    pub queues: Vec<Queue>,
}

/// A `DynamoDB` table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Logical id in the template.
    pub id: String,
    /// Name in the account.
    pub name: String,
    /// The resolved properties of `AWS::DynamoDB::Table` that describe its data, with `TableName`.
    pub properties: Value,
}

/// An SQS queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Logical id in the template.
    pub id: String,
    /// Name in the account.
    pub name: String,
    /// What it is set to.
    pub attributes: QueueAttributes,
}

/// What a queue is set to; the fields are named after SQS's attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueAttributes {
    /// How long a received message stays hidden from others.
    pub visibility_timeout: Duration,
    /// How long a message is kept.
    pub message_retention_period: Duration,
    /// How long a new message stays hidden.
    pub delay: Duration,
    /// Bytes that a message may measure, attributes included: 1,024 to 1,048,576.
    #[serde(default = "QueueAttributes::largest_message")]
    pub maximum_message_size: u32,
    /// How long a receive waits for a message if the call doesn't say.
    pub receive_message_wait_time: Duration,
    /// Where messages go that are received too often.
    pub redrive: Option<Redrive>,
    /// Attributes that mean nothing here and are only shown again, such as `Policy`.
    #[serde(default)]
    pub without_effect: BTreeMap<String, String>,
}

impl QueueAttributes {
    /// Bytes of the largest message that SQS takes.
    pub const fn largest_message() -> u32 {
        1024 * 1024
    }
}

impl Default for QueueAttributes {
    /// SQS's own defaults: 30 s, 4 days, no delay, 1 MiB, no wait, no dead-letter queue.
    fn default() -> QueueAttributes {
        QueueAttributes {
            visibility_timeout: Duration::from_secs(30),
            message_retention_period: Duration::from_hours(4 * 24),
            delay: Duration::ZERO,
            maximum_message_size: QueueAttributes::largest_message(),
            receive_message_wait_time: Duration::ZERO,
            redrive: None,
            without_effect: BTreeMap::new(),
        }
    }
}

/// The redrive policy of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    /// Name of the dead-letter queue.
    pub target_queue: String,
    /// After so many receives a message goes there.
    pub max_receive_count: u32,
}

impl Stack {
    /// The queues alone. They are made first, since the functions' environment carries their addresses.
    pub fn queues(resolver: &Resolver<'_>) -> std::result::Result<Vec<Queue>, TemplateError> {
        let mut queues = resolver
            .resources("AWS::SQS::Queue")?
            .into_iter()
            .map(|id| Queue::read(resolver, id))
            .collect::<Result<Vec<_>>>()?;
        // A dead-letter queue must exist before the queue that names it; chains of them are not a thing in SQS.
        queues.sort_by_key(|queue| queue.attributes.redrive.is_some());
        Ok(queues)
    }

    /// The whole template.
    pub fn read(resolver: &Resolver<'_>) -> std::result::Result<Self, TemplateError> {
        let functions: Vec<Function> = resolver
            .resources("AWS::Serverless::Function")?
            .into_iter()
            .map(|id| Function::read(resolver, id))
            .collect::<Result<_>>()?;
        if functions.is_empty() {
            return Err(TemplateError::at(
                "Resources",
                "hold no AWS::Serverless::Function; is this the right template?",
            ));
        }
        let tables = resolver
            .resources("AWS::DynamoDB::Table")?
            .into_iter()
            .map(|id| Table::read(resolver, id))
            .collect::<Result<_>>()?;
        let stack = Self {
            functions,
            tables,
            queues: Self::queues(resolver)?,
        };
        stack.check_routes()?;
        stack.check_sources()?;
        Ok(stack)
    }

    /// The function with this name, id or binary name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.is_called(name))
    }

    fn check_routes(&self) -> Result<()> {
        let mut seen: Vec<(&str, &super::Route)> = Vec::new();
        for function in &self.functions {
            for route in &function.routes {
                if let Some((other, _)) = seen.iter().find(|(_, known)| *known == route) {
                    return Err(TemplateError::at(
                        format!("Resources.{}.Properties.Events", function.id),
                        format!("the route to {} is also one of {other}", route.path),
                    ));
                }
                seen.push((&function.id, route));
            }
        }
        Ok(())
    }

    fn check_sources(&self) -> Result<()> {
        for function in &self.functions {
            for source in &function.queues {
                if !self.queues.iter().any(|queue| queue.name == source.queue) {
                    return Err(TemplateError::at(
                        format!("Resources.{}.Properties.Events.{}", function.id, source.id),
                        format!("there is no queue `{}` in the template", source.queue),
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Table {
    fn read(resolver: &Resolver<'_>, id: &str) -> Result<Self> {
        let properties = resolver.properties(
            id,
            &[
                "AttributeDefinitions",
                "BillingMode",
                "GlobalSecondaryIndexes",
                "KeySchema",
                "LocalSecondaryIndexes",
                "ProvisionedThroughput",
                "StreamSpecification",
                "TimeToLiveSpecification",
            ],
        )?;
        let name = resolver.physical_name(id, properties.place())?;
        let mut properties = properties.into_values();
        properties.insert("TableName".to_owned(), Value::String(name.clone()));
        Ok(Self {
            id: id.to_owned(),
            name,
            properties: Value::Object(properties),
        })
    }
}

impl Queue {
    fn read(resolver: &Resolver<'_>, id: &str) -> Result<Self> {
        let properties = resolver.properties(
            id,
            &[
                "DelaySeconds",
                "FifoQueue",
                "MaximumMessageSize",
                "MessageRetentionPeriod",
                "ReceiveMessageWaitTimeSeconds",
                "RedrivePolicy",
                "VisibilityTimeout",
            ],
        )?;
        if properties.flag("FifoQueue", false)? {
            return Err(properties.fault(
                "FifoQueue",
                "is not known to the local world; it has standard queues only",
            ));
        }
        let default = QueueAttributes::default();
        let seconds = |name, default: Duration| Ok(properties.seconds(name)?.unwrap_or(default));
        let attributes = QueueAttributes {
            visibility_timeout: seconds("VisibilityTimeout", default.visibility_timeout)?,
            message_retention_period: seconds("MessageRetentionPeriod", default.message_retention_period)?,
            delay: seconds("DelaySeconds", default.delay)?,
            maximum_message_size: properties
                .number("MaximumMessageSize")?
                .unwrap_or(default.maximum_message_size),
            receive_message_wait_time: seconds(
                "ReceiveMessageWaitTimeSeconds",
                default.receive_message_wait_time,
            )?,
            redrive: Redrive::read(&properties)?,
            without_effect: BTreeMap::new(),
        };
        Ok(Self {
            id: id.to_owned(),
            name: resolver.physical_name(id, properties.place())?,
            attributes,
        })
    }
}

impl Redrive {
    fn read(properties: &Properties) -> Result<Option<Self>> {
        if !properties.contains("RedrivePolicy") {
            return Ok(None);
        }
        let policy = properties.section("RedrivePolicy")?;
        let arn = policy.required_text("deadLetterTargetArn")?;
        let max_receive_count = policy
            .number("maxReceiveCount")?
            .filter(|count| (1..=1000).contains(count));
        Ok(Some(Self {
            target_queue: arn.rsplit(':').next().unwrap_or_default().to_owned(),
            max_receive_count: max_receive_count
                .ok_or_else(|| policy.fault("maxReceiveCount", "must be 1 to 1000"))?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Binary, Document, Role, Route, RouteMethod, Statement, Surroundings};
    use serde_json::json;
    use std::path::PathBuf;

    const TEMPLATE: &str = "
Parameters:
  Level: {Type: String, Default: info}
Globals:
  Function:
    Runtime: provided.al2023
    Timeout: 10
    Environment: {Variables: {LOG_LEVEL: !Ref Level}}
Resources:
  Shop:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: shop}}
    Properties:
      CodeUri: functions/shop
      Role: !GetAtt ShopRole.Arn
      MemorySize: 256
      ReservedConcurrentExecutions: 2
      Environment: {Variables: {TABLE: !Ref Orders, QUEUE: !Ref Work, N: 3}}
      Events:
        Get: {Type: HttpApi, Properties: {Path: '/api/x/{id}', Method: get}}
  Worker:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda}
    Properties:
      CodeUri: functions/worker
      Events:
        Work: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn}}
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      Tags: [{Key: a, Value: !ImportValue not-looked-at}]
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 180
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Zzz.Arn, maxReceiveCount: 5}
  Zzz: {Type: AWS::SQS::Queue}
  ShopRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: !ImportValue not-looked-at
      Policies:
        - PolicyName: shop
          PolicyDocument:
            Statement:
              - {Sid: Keep, Effect: Allow, Action: [dynamodb:GetItem, dynamodb:PutItem], Resource: !GetAtt Orders.Arn}
              - {Effect: Allow, Action: dynamodb:Query, Resource: [!Sub '${Orders.Arn}/index/*']}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {X: !Cidr [a, b]}}
";

    fn stack(text: &str) -> Result<Stack> {
        let document = Document::parse(text, PathBuf::from("/project")).expect("a template");
        let surroundings = Surroundings {
            stack_name: "s",
            region: "eu-central-1",
            account: "0",
            parameters: BTreeMap::from([("Level".to_owned(), "debug".to_owned())]),
            queue_url: &|name| format!("http://q/{name}"),
        };
        Stack::read(&Resolver::new(&document, &surroundings).expect("a resolver"))
    }

    #[test]
    fn functions_carry_what_their_processes_need() {
        let stack = stack(TEMPLATE).expect("a stack");
        let shop = stack.function("shop").expect("by binary");
        assert_eq!(shop.id, "Shop");
        assert_eq!(shop.name, "s-Shop");
        assert_eq!(
            shop.binary,
            Binary {
                name: "shop".into(),
                source: "/project/functions/shop".into()
            }
        );
        assert_eq!(shop.timeout, Duration::from_secs(10));
        assert_eq!(shop.memory_mb, 256);
        assert_eq!(shop.reserved_concurrency, Some(2));
        let environment: Vec<_> = shop
            .environment
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let expected = [
            ("LOG_LEVEL", "debug"),
            ("N", "3"),
            ("QUEUE", "http://q/s-Work"),
            ("TABLE", "s-Orders"),
        ];
        assert_eq!(environment, expected);
        assert_eq!(
            shop.routes,
            [Route {
                method: RouteMethod::Only("GET".into()),
                path: "/api/x/{id}".into()
            }]
        );
        let worker = stack.function("s-Worker").expect("by name");
        assert_eq!(worker.binary.name, "worker");
        assert_eq!(worker.queues[0].queue, "s-Work");
        assert_eq!(worker.queues[0].batch_size, 10);
        assert_eq!(worker.schedules.len(), 1);
    }

    #[test]
    fn a_function_has_the_rights_of_its_role_or_none() {
        let stack = stack(TEMPLATE).expect("a stack");
        let table = "arn:aws:dynamodb:eu-central-1:0:table/s-Orders";
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let statement = |sid: &str, actions: &[&str], resource: &str| Statement {
            sid: sid.to_owned(),
            actions: texts(actions),
            resources: texts(&[resource]),
        };
        let role = Role {
            id: "ShopRole".to_owned(),
            statements: vec![
                statement("Keep", &["dynamodb:GetItem", "dynamodb:PutItem"], table),
                statement("", &["dynamodb:Query"], &format!("{table}/index/*")),
            ],
        };
        assert_eq!(stack.function("shop").map(|shop| &shop.role), Some(&role));
        let worker = stack.function("worker").expect("by binary");
        assert_eq!(worker.role, Role::default());
    }

    #[test]
    fn tables_keep_what_describes_their_data() {
        let stack = stack(TEMPLATE).expect("a stack");
        assert_eq!(
            stack.tables[0].properties,
            json!({"TableName": "s-Orders", "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]})
        );
    }

    #[test]
    fn dead_letter_queues_come_before_those_that_name_them() {
        let stack = stack(TEMPLATE).expect("a stack");
        let names: Vec<_> = stack.queues.iter().map(|queue| queue.name.as_str()).collect();
        assert_eq!(names, ["s-Zzz", "s-Work"]);
        let redrive = Redrive {
            target_queue: "s-Zzz".into(),
            max_receive_count: 5,
        };
        assert_eq!(stack.queues[1].attributes.redrive, Some(redrive));
        assert_eq!(
            stack.queues[1].attributes.visibility_timeout,
            Duration::from_mins(3)
        );
    }

    #[test]
    fn faults_name_the_resource_and_the_property() {
        let tick = "Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}";
        let get = "Get: {Type: HttpApi, Properties: {Path: '/api/x/{id}', Method: GET}}";
        for (from, to, says) in [
            (
                "Timeout: 10",
                "Timeout: ten",
                "Shop.Properties.Timeout: must be a whole number, not `ten`",
            ),
            ("Timeout: 10", "Timeout: 901", "1 to 900"),
            ("provided.al2023", "nodejs22.x", "provided.al2023"),
            (
                "TABLE: !Ref Orders",
                "TABLE: !Ref Nothing",
                "Shop.Properties.Environment.Variables.TABLE",
            ),
            ("maxReceiveCount: 5", "maxReceiveCount: 0", "1 to 1000"),
            (
                "{BuildMethod: rust-cargolambda}",
                "{}",
                "BuildMethod: rust-cargolambda",
            ),
            (
                "!GetAtt ShopRole.Arn",
                "!ImportValue role",
                "must be `!GetAtt ROLE.Arn`",
            ),
            ("Sid: Keep, Effect: Allow", "Effect: Deny", "must be Allow"),
            (
                "Sid: Keep,",
                "Condition: {},",
                "Statement.0.Condition: is not known",
            ),
            (
                "!GetAtt Work.Arn",
                "arn:aws:sqs:r:0:elsewhere",
                "no queue `elsewhere`",
            ),
            (tick, get, "also one of Shop"),
        ] {
            let fault = stack(&TEMPLATE.replacen(from, to, 1)).expect_err(to).to_string();
            assert!(fault.contains(says), "{fault}");
        }
    }
}
