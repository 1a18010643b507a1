//! Reads of several pages.

use super::*;

/// A site of `total` rows that pages as newer or older sites do.
fn paged(total: u64, old: bool) -> FakeSite {
    FakeSite::bare(move |request| {
        if request.wire_method() == "info" {
            let version = if old { "[7,3,0]" } else { "[8,60,0]" };
            return Answer::Json(format!(r#"{{"version":{version},"api_max_entities_per_page":10}}"#));
        }
        let paging = &request.params()["paging"];
        let (size, page) = (
            paging["entities_per_page"].as_u64().unwrap(),
            paging["current_page"].as_u64().unwrap(),
        );
        let rows: Vec<Value> = ((page - 1) * size + 1..=(page * size).min(total))
            .map(|id| json!({"type": "Shot", "id": id}))
            .collect();
        let info = if old {
            json!({"entity_count": total})
        } else {
            json!({"has_next_page": page * size < total})
        };
        Answer::Json(json!({"results": {"entities": rows, "paging_info": info}}).to_string())
    })
}

#[test]
fn pages_are_joined_up_to_the_limit() {
    for (total, limit, expected, pages) in [
        (0, 0, 0, 1),
        (10, 0, 10, 1),
        (25, 0, 25, 3),
        (30, 0, 30, 3),
        (95, 0, 95, 10),
        (25, 12, 12, 2),
        (25, 20, 20, 2),
        (25, 99, 25, 3),
        (25, 10, 10, 1),
    ] {
        for old in [false, true] {
            let site = paged(total, old);
            let found = call(&site, "find", &format!(r#"{{"entity_type":"Shot","filters":[],"limit":{limit}}}"#)).unwrap();
            assert_eq!(ids(&found), (1..=expected).collect::<Vec<_>>(), "{total} rows, limit {limit}");
            let asked = site.requests_of("read").len();
            // An older site tells how many there are; with a newer one some pages behind the last are asked for in vain.
            let in_vain = if old || pages == 1 { 0 } else { 3 };
            assert!(
                (pages..=pages + in_vain).contains(&asked),
                "{total} rows, limit {limit}: {asked} pages"
            );
        }
    }
    let silent = FakeSite::new(|_| Answer::json(r#"{"results":{"entities":[{"id":1}]}}"#));
    assert_eq!(call(&silent, "find", r#"["Shot", []]"#).unwrap_err().status, Status::Protocol);
}

fn ids(rows: &str) -> Vec<u64> {
    let rows: Vec<Value> = serde_json::from_str(rows).unwrap();
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[test]
fn pages_are_asked_for_ahead_and_no_more_than_four_at_once() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, peak) = (now.clone(), most.clone());
    let site = FakeSite::bare(move |request| {
        if request.wire_method() == "info" {
            return Answer::json(r#"{"version":[8,60,0],"api_max_entities_per_page":10}"#);
        }
        peak.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
        inside.fetch_sub(1, Ordering::SeqCst);
        let page = request.params()["paging"]["current_page"].as_u64().unwrap();
        // Later pages answer sooner, and must wait for their turn all the same.
        let late = Duration::from_millis(if page % 2 == 0 { 60 } else { 0 });
        let rows: Vec<Value> = (page * 10 - 9..=page * 10).map(|id| json!({"id": id})).collect();
        let text = json!({"results": {"entities": rows, "paging_info": {"has_next_page": page < 20}}}).to_string();
        Answer::Late(late, Box::new(Answer::Json(text)))
    });
    let found = call(&site, "find", r#"["Shot", []]"#).unwrap();
    assert_eq!(ids(&found), (1..=200).collect::<Vec<_>>());
    let most = most.load(Ordering::SeqCst);
    assert!((2..=4).contains(&most), "{most} at once");
}

#[test]
fn pages_one_by_one() {
    let site = paged(45, false);
    run(async {
        let client = client(&site).await;
        let mut pages = Pages::open(&client, r#"{"entity_type":"Shot","filters":[],"limit":33}"#)
            .await
            .unwrap();
        let mut sizes = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            assert!(site.requests_of("read").len() <= sizes.len() + 5, "no more than four pages ahead");
            sizes.push(ids(page.json()));
        }
        assert_eq!(sizes.concat(), (1..=33).collect::<Vec<_>>());
        assert_eq!(sizes.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 10, 3]);
        assert!(pages.next().await.unwrap().is_none(), "the end stays the end");
        let error = Pages::open(&client, r#"{"entity_type":"Shot","filters":[],"page":2}"#)
            .await
            .err()
            .unwrap();
        assert_eq!(error.status, Status::InvalidArgument);
        let none = paged(0, false);
        let client = self::client(&none).await;
        let mut pages = Pages::open(&client, r#"["Shot", []]"#).await.unwrap();
        assert_eq!(
            pages.next().await.unwrap().unwrap().json(),
            "[]",
            "an empty read has one empty page"
        );
        assert!(pages.next().await.unwrap().is_none());
    });
}

#[test]
fn pages_that_are_short_or_empty_do_not_end_the_read_too_early_nor_never() {
    let sparse = |last: u64| {
        FakeSite::bare(move |request| match request.params()["paging"]["current_page"].as_u64() {
            None => Answer::json(r#"{"version":[8,60,0],"api_max_entities_per_page":10}"#),
            Some(page) => {
                let rows = if page % 3 == 0 { json!([{"id": page}]) } else { json!([]) };
                let more = page < last;
                Answer::Json(json!({"results": {"entities": rows, "paging_info": {"has_next_page": more}}}).to_string())
            }
        })
    };
    assert_eq!(ids(&call(&sparse(9), "find", r#"["Shot", []]"#).unwrap()), [3, 6, 9]);
    let limited = r#"{"entity_type":"Shot","filters":[],"limit":11}"#;
    assert_eq!(
        ids(&call(&sparse(40), "find", limited).unwrap()).len(),
        11,
        "the limit counts rows, not pages"
    );
    let endless = FakeSite::bare(|request| match request.wire_method().as_str() {
        "info" => Answer::json(r#"{"version":[8,60,0]}"#),
        _ => Answer::json(r#"{"results":{"entities":[],"paging_info":{"has_next_page":true}}}"#),
    });
    assert_eq!(call(&endless, "find", r#"["Shot", []]"#).unwrap_err().status, Status::Protocol);
}

#[test]
fn a_page_that_fails_ends_the_read() {
    let site = FakeSite::bare(|request| match request.params()["paging"]["current_page"].as_u64() {
        None => Answer::json(r#"{"version":[8,60,0],"api_max_entities_per_page":10}"#),
        Some(3) => Answer::fault(104, "Entity of type Shot can not be accessed by this user. Rule: Vendor"),
        Some(page) => Answer::Json(format!(
            r#"{{"results":{{"entities":[{{"id":{page}}}],"paging_info":{{"has_next_page":true}}}}}}"#
        )),
    });
    let error = call(&site, "find", r#"["Shot", []]"#).unwrap_err();
    assert_eq!(
        (error.status, error.refusal.entity_type.as_deref()),
        (Status::Permission, Some("Shot"))
    );
}
