//! The website, as S3 behind CloudFront would serve it.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use std::path::{Component, Path, PathBuf};
use tower_http::services::ServeFile;

use super::routes::decoded;

/// The files under one directory.
#[derive(Debug)]
pub(super) struct Website {
    /// Without symbolic links, so that nothing below it can lead out of it.
    root: PathBuf,
}

impl Website {
    /// The website in `root`. A missing directory is no fault: then there is only the API.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.canonicalize().unwrap_or_else(|_| root.to_path_buf()),
        }
    }

    /// Answers a request for a file; without one, by the page for that.
    pub(super) async fn answer(&self, mut request: Request) -> Response<Body> {
        let found = self.file(request.uri().path()).await;
        let is_found = found.is_some();
        if !is_found {
            // What the browser knows of another page says nothing about this one.
            request.headers_mut().clear();
        }
        let path = found.unwrap_or_else(|| self.root.join("404.html"));
        let is_page = path.extension().is_some_and(|extension| extension == "html");
        let Ok(served) = ServeFile::new(path).try_call(request).await else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let mut response = served.map(Body::new);
        if !is_found && response.status().is_success() {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        // Names carry no version, so everything is asked for again; that costs a 304.
        let cache = if is_page {
            "no-cache"
        } else {
            "public, max-age=0, must-revalidate"
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        rewrite(headers, header::CONTENT_TYPE, |kind| {
            kind.starts_with("text/")
                .then(|| format!("{kind}; charset=utf-8"))
        });
        // Weak, since the same content also goes out compressed.
        rewrite(headers, header::ETAG, |tag| Some(format!("W/{tag}")));
        response
    }

    async fn file(&self, path: &str) -> Option<PathBuf> {
        let path = tokio::fs::canonicalize(self.root.join(relative(path)?))
            .await
            .ok()?;
        (path.starts_with(&self.root) && path.is_file()).then_some(path)
    }
}

/// Changes a header where it is there and `change` gives another value.
fn rewrite(headers: &mut HeaderMap, name: HeaderName, change: impl FnOnce(&str) -> Option<String>) {
    let value = headers.get(&name).and_then(|value| change(value.to_str().ok()?));
    if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(name, value);
    }
}

/// The file that a path means; none for anything that tries to lead out of the website or into hidden files.
fn relative(path: &str) -> Option<PathBuf> {
    let path = decoded(path);
    // CloudFront's default root object works for the root alone.
    let path = if path == "/" { "/index.html" } else { &path };
    if path.contains(['\\', '\0']) {
        return None;
    }
    let relative = PathBuf::from(path.trim_start_matches('/'));
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(name) if !name.to_string_lossy().starts_with('.'));
    relative.components().all(is_plain).then_some(relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(root: &Path, path: &str, known: &str) -> Response<Body> {
        let request = Request::get(path).header("if-none-match", known);
        let request = request.body(Body::empty()).expect("a request");
        Website::new(root).answer(request).await
    }

    #[test]
    fn no_path_leads_out_of_the_website() {
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/a/../../secret",
            "/..%2fsecret",
            "/..%5csecret",
            "/.git/config",
            "/a/.env",
            "/a%00.html",
            "/./index.html",
        ] {
            assert_eq!(relative(path), None, "{path}");
        }
        // Leading slashes never make it absolute.
        assert_eq!(relative("//etc/passwd"), Some("etc/passwd".into()));
        assert_eq!(relative("/%2fetc/passwd"), Some("etc/passwd".into()));
        assert_eq!(relative("/"), Some("index.html".into()));
        assert_eq!(relative("/js/shop.js"), Some("js/shop.js".into()));
    }

    #[tokio::test]
    async fn a_symbolic_link_does_not_lead_out_either() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("web");
        std::fs::create_dir(&root).expect("a directory");
        std::fs::write(directory.path().join("secret.txt"), "secret").expect("a file");
        std::os::unix::fs::symlink("../secret.txt", root.join("link.txt")).expect("a link");
        assert_eq!(get(&root, "/link.txt", "").await.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn known_content_is_not_sent_again_until_it_changes() {
        let root = tempfile::tempdir().expect("a directory");
        let page = root.path().join("index.html");
        std::fs::write(&page, "<p>one").expect("a file");
        let first = get(root.path(), "/", "").await;
        assert_eq!(first.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(first.headers()["cache-control"], "no-cache");
        let etag = first.headers()["etag"].to_str().expect("text");
        assert!(etag.starts_with("W/"), "{etag}");
        let again = get(root.path(), "/", etag).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()["etag"], etag);
        std::fs::write(&page, "<p>three").expect("a file");
        let changed = get(root.path(), "/", etag).await;
        assert_eq!(changed.status(), StatusCode::OK);
        assert_ne!(changed.headers()["etag"], etag);
    }

    #[tokio::test]
    async fn files_of_every_kind_have_their_content_type() {
        let root = tempfile::tempdir().expect("a directory");
        for (file, content_type) in [
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.ico", "image/x-icon"),
            ("a.woff2", "font/woff2"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a", "application/octet-stream"),
        ] {
            std::fs::write(root.path().join(file), "").expect("a file");
            let answer = get(root.path(), &format!("/{file}"), "").await;
            assert_eq!(answer.headers()["content-type"], content_type, "{file}");
        }
    }
}
