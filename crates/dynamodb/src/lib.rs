//! Adapter: orders, products and stock in DynamoDB.
