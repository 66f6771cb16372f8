use lambda_kit::Problem;
use lambda_kit::http::{Handle, Request, Response, WithHeader, json};
use serde::Serialize;

/// What is deployed, as everybody may know it.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    version: &'static str,
    stage: String,
    capabilities: Vec<String>,
}

impl Health {
    /// Of the shop `stage`, with `capabilities` as the template's parameter has them: separated by commas.
    pub(crate) fn of(stage: String, capabilities: &str) -> Self {
        let mut capabilities: Vec<_> = capabilities.split(',').map(str::to_owned).collect();
        capabilities.sort();
        capabilities.dedup();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            stage,
            capabilities,
        }
    }
}

impl Handle for Health {
    async fn handle(&self, _: &Request) -> Result<Response, Problem> {
        Ok(json(200, self).with_header("cache-control", "no-store"))
    }
}

#[cfg(test)]
mod tests {
    use lambda_kit::http::{ReadResponse, answer, request};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn it_says_what_is_deployed_and_nothing_else() {
        let health = Health::of("dev".to_owned(), "search,health,search");
        let response = answer(&health, &request("GET /api/health")).await;
        assert_eq!(response.header_of("cache-control"), Some("no-store"));
        assert_eq!(
            response.body_json(),
            json!({"version": env!("CARGO_PKG_VERSION"), "stage": "dev", "capabilities": ["health", "search"]})
        );
    }
}
