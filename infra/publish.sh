#!/usr/bin/env bash
# Puts the website into its bucket: publish.sh BUCKET (output WebsiteBucket of infra/site.yaml).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../web"
bucket=s3://${1:?the bucket}

# What a page needs is there before the page, and what the page of before needs until after it. Names carry no version: everything is
# asked for again, which costs a 304. Copied and not synchronised, which would trust in the times of files.
not_served=(--exclude 'tests/*' --exclude package.json)
aws s3 cp . "$bucket" --recursive "${not_served[@]}" --exclude '*.html' --cache-control 'public, max-age=0, must-revalidate' --only-show-errors
aws s3 cp . "$bucket" --recursive --exclude '*' --include '*.html' --exclude 'tests/*' --cache-control no-cache --only-show-errors
aws s3 sync . "$bucket" "${not_served[@]}" --delete --size-only --only-show-errors
