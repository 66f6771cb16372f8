#!/usr/bin/env bash
# Makes the shop of a stage with all that surrounds it, or brings it up to date: up.sh STAGE (dev, staging, prod). Whatever is there already stays,
# so run it again after any change, and after any failure. Needs the AWS CLI and sam, with an administrator's credentials. In the environment:
#
#   SECRET_FILE      for the first time: a JSON object with stripe_secret_key, stripe_webhook_secrets and erp_token; the keys of the shop's own are
#                    made here
#   DOMAIN_NAME, CERTIFICATE_ARN
#                    of staging and prod: the domain of SiteUrl (samconfig.toml) and its certificate in us-east-1. Without, the CDN's own name serves.
#   PRICING_PLAN     of the CDN: FREE, or another of infra/site.yaml
#   LOG_BUCKET       the account's bucket for access logs
#   TEMPLATE         what is deployed; without, template.yaml is built
#   AROUND           the folder of the other templates; without, infra
#   OVERRIDES        more parameters of template.yaml, with blanks between them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stage=${1-}
case $stage in
dev | staging | prod) ;;
*)
    sed -n '2,13p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
stack=kontor-$stage secret=kontor/$stage region=${AWS_REGION:-eu-central-1}
export AWS_DEFAULT_REGION=$region
account=$(aws sts get-caller-identity --query Account --output text)
logs=${LOG_BUCKET:-kontor-access-logs-$account}
read -ra overrides <<<"${OVERRIDES-}"

# stack NAME FILE [--option ...] [-- PARAMETER=VALUE ...]: one of the stacks around the shop's.
stack() {
    local name=$1 file=$2
    shift 2
    printf '==> %s\n' "$name"
    aws cloudformation deploy --stack-name "$name" --template-file "${AROUND:-infra}/$file" --no-fail-on-empty-changeset --capabilities CAPABILITY_NAMED_IAM \
        --tags shop=kontor "stage=$stage" "$@"
}

# output STACK KEY [--region REGION]: one output of a stack.
output() {
    local name=$1 key=$2
    shift 2
    aws cloudformation describe-stacks --stack-name "$name" --query "Stacks[0].Outputs[?OutputKey=='$key'].OutputValue | [0]" --output text "$@"
}

# They hold shoppers' addresses, so the bucket forgets them after a week.
access_logs() {
    printf '==> the bucket %s\n' "$logs"
    aws s3api head-bucket --bucket "$logs" 2>/dev/null ||
        aws s3api create-bucket --bucket "$logs" --create-bucket-configuration "LocationConstraint=$region" --output text
    aws s3api put-bucket-ownership-controls --bucket "$logs" --ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerPreferred}]'
    aws s3api put-bucket-lifecycle-configuration --bucket "$logs" --lifecycle-configuration \
        '{"Rules": [{"ID": "forget", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}]}'
    aws s3api put-bucket-policy --bucket "$logs" --policy '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::'"$logs"'/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": "'"$account"'"}}}]}'
}

# The provider's and the warehouse's keys from SECRET_FILE, the shop's own at random. One that is there is never written.
secret() {
    printf '==> the secret %s\n' "$secret"
    aws secretsmanager describe-secret --secret-id "$secret" >/dev/null 2>&1 && return
    : "${SECRET_FILE:?there is no secret $secret yet; say where its keys are}"
    aws secretsmanager create-secret --name "$secret" --tags "Key=stage,Value=$stage" --query Name --output text --secret-string "$(python3 -c '
import json, secrets, sys
given = json.load(sys.stdin)
missing = {"stripe_secret_key", "stripe_webhook_secrets", "erp_token"} - given.keys()
if missing: sys.exit(f"SECRET_FILE lacks {sorted(missing)}")
origin = secrets.token_hex(32)
print(json.dumps({"access_token_keys": secrets.token_hex(32), "origin_keys": origin, "origin_key": origin} | given))' <"$SECRET_FILE")"
}

shop() {
    local boundary=()
    if [ "$stage" != dev ]; then
        stack "kontor-deployer-$stage" deployer.yaml --parameter-overrides "Stage=$stage"
        boundary=("PermissionsBoundaryArn=$(output "kontor-deployer-$stage" BoundaryArn)")
    fi
    printf '==> %s\n' "$stack"
    [ -n "${TEMPLATE-}" ] || sam build
    infra/deploy.sh "$stage" "$stack" -- "${boundary[@]}" "${overrides[@]}"
}

way_in() {
    local plan=PricingPlan=${PRICING_PLAN:-FREE}
    stack "$stack-edge" edge.yaml --region us-east-1 --parameter-overrides "$plan"
    # The version that the shop has, so that both look at the same keys.
    stack "$stack-site" site.yaml --parameter-overrides "ShopStack=$stack" "SecretName=$secret" "LogBucketName=$logs" "$plan" \
        "SecretVersion=$(aws cloudformation describe-stacks --stack-name "$stack" \
            --query "Stacks[0].Parameters[?ParameterKey=='SecretVersion'].ParameterValue | [0]" --output text)" \
        "FirewallArn=$(output "$stack-edge" FirewallArn --region us-east-1)" \
        ${DOMAIN_NAME:+"DomainName=$DOMAIN_NAME" "CertificateArn=${CERTIFICATE_ARN:?of $DOMAIN_NAME}"}
    infra/publish.sh "$(output "$stack-site" WebsiteBucket)"
    stack "$stack-observability" observability.yaml --parameter-overrides "ShopStack=$stack"
}

secret
if [ "$stage" = dev ]; then
    shop
else
    access_logs
    shop
    way_in
    printf 'Point the domain at %s.\n' "$(output "$stack-site" DomainTarget)"
fi
printf 'Set up the payment provider'\''s webhook: STRIPE_API_KEY=... cargo run --bin ops -- --stack %s stripe setup --url %s\n' "$stack" "$(output "$stack" StripeWebhookUrl)"
