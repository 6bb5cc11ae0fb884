from core.batches import in_batches


def test_portions_keep_the_order_and_the_last_one_may_be_shorter():
    assert list(in_batches([1, 2, 3, 4, 5], size=2)) == [[1, 2], [3, 4], [5]]
    assert list(in_batches((1, 2), size=2)) == [(1, 2)]
    assert list(in_batches([], size=2)) == []
