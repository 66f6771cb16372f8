//! How jobs are stored.

use domain::{Job, JobKind};

use super::document::time;

/// Kind, when it is due, how many milliseconds earlier it was due first, failed tries. More about jobs goes into a field beside this one: a
/// longer entry could not be read by the release before.
pub(super) type StoredJob = (String, i64, i64, u32);

pub(super) fn stored_job(job: &Job) -> StoredJob {
    let due_at = job.due_at.as_millisecond();
    let late = due_at - job.first_due_at.as_millisecond();
    (job.kind.name().to_owned(), due_at, late, job.tries)
}

pub(super) fn job_of((kind, due_at, late, tries): &StoredJob) -> Option<Job> {
    Some(Job {
        kind: JobKind::of_name(kind),
        due_at: time(*due_at)?,
        first_due_at: time(due_at.checked_sub(*late)?)?,
        tries: *tries,
    })
}
