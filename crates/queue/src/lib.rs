//! Adapter: the order queue in SQS.
