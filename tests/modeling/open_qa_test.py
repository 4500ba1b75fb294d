# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tensorflow as tf

from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.qa_config import OpenQAConfig
from realm_tf.modeling import open_qa, span_scores
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.open_qa import OpenQAModel
from realm_tf.modeling.span_reader import SpanReader
from tests.modeling.encoding_test import make_inputs
from tests.modeling.span_reader_test import make_joint
from tests.support import orqa_goldens, shared_data
from tests.support.gradients import check_finite_differences

CONFIG = BertConfig(
  vocab_size=50,
  hidden_size=8,
  num_layers=2,
  num_heads=2,
  intermediate_size=16,
  max_positions=24,
  initializer_range=0.4,
)
BATCH, BEAM, DIM = 3, 7, 4
QUERY = make_inputs([6, 5, 3], 7, seed=1)
_RNG = np.random.default_rng(7)
# The last question has no answer anywhere, the second only beyond the blocks
# that are read; the third span of the first one is too wide.
FEATURES = {
  'beam_embeddings': tf.constant(
    _RNG.standard_normal([BATCH, BEAM, DIM]), tf.float32
  ),
  'joint': make_joint([3, 5, 4], [[9, 4], [2, 13], [6, 7]]),
  'beam_has_answer': tf.constant(
    np.array([[1, 0, 0, 1, 0, 0, 1], [0, 0, 0, 0, 1, 0, 0], [0] * 7], bool)
  ),
  'gold_starts': tf.constant(
    [[[2, 5, 0, -1], [0, 3, -1, -1]], [[-1] * 4] * 2, [[-1] * 4] * 2]
  ),
  'gold_ends': tf.constant(
    [[[2, 6, 5, -1], [1, 3, -1, -1]], [[-1] * 4] * 2, [[-1] * 4] * 2]
  ),
}
EVIDENCE = {
  **FEATURES,
  'beam_is_gold': tf.constant(
    np.array([[0, 1, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0], [0] * 7], bool)
  ),
}


def make_model(separate_towers=False, **config):
  reader = SpanReader(CONFIG, max_span_width=3, span_hidden_size=16, seed=3)
  rng = np.random.default_rng(0)
  for variable in (*reader.projection.weights, *reader.score.weights):
    variable.assign_add(0.5 * rng.standard_normal(variable.shape))
  embedder = Embedder(CONFIG, DIM, separate_towers, seed=2)
  return OpenQAModel(embedder, reader, OpenQAConfig(**config))


def with_query(model, features=FEATURES, training=False):
  return {**features, 'query_embedding': model.embed_queries(QUERY, training)}


@pytest.fixture(scope='module')
def model():
  return make_model(recall_at=(1, 4, 7, 8))


def log_sum_exp(values):
  return np.log(np.exp(np.asarray(values, np.float64)).sum())


def in_numpy(model, features):
  """Losses and what else there is, question by question, span by span."""
  queries = model.embed_queries(QUERY).numpy()
  joint = features['joint']
  scores = model.reader(joint, joint['block_mask']).numpy()
  result = []
  for b in range(BATCH):
    logits = features['beam_embeddings'][b].numpy() @ queries[b]
    has = features['beam_has_answer'][b].numpy()
    spans, right, of_evidence = [], [], []
    for k, s, w in np.argwhere(scores[b] > span_scores.NEVER / 2):
      spans.append(scores[b, k, s, w] + logits[k])
      right.append(
        (s, s + w)
        in zip(
          features['gold_starts'][b, k].numpy(),
          features['gold_ends'][b, k].numpy(),
        )
      )
      of_evidence.append(
        right[-1]
        and 'beam_is_gold' in features
        and bool(features['beam_is_gold'][b, k])
      )
    spans = np.array(spans)

    def loss(values, correct):
      if not np.any(correct):
        return 0.0
      return log_sum_exp(values) - log_sum_exp(values[np.array(correct)])

    its = {
      'retriever_loss': loss(logits, has),
      'reader_loss': loss(spans, right),
      'exact_match': float(right[spans.argmax()]),
      'answer_in_reader': float(any(right)),
      'answer_in_beam': float(has.any()),
      'answer_in_beam@1': float(has[0]),
      'answer_in_beam@4': float(has[:4].any()),
      'answer_in_beam@7': float(has.any()),
    }
    if 'beam_is_gold' in features:
      evidence = features['beam_is_gold'][b].numpy()
      its['gold_in_beam'] = float(evidence.any())
      its['gold_in_reader'] = float(any(of_evidence))
      its['retriever_gold_loss'] = loss(logits, evidence)
      its['reader_gold_loss'] = loss(spans, of_evidence)
    result.append(its)
  return {name: np.mean([r[name] for r in result]) for name in result[0]}


def test_loss_and_metrics(model):
  expected = in_numpy(model, FEATURES)
  loss, metrics = model.loss_and_metrics(with_query(model))
  assert set(metrics) == set(expected) | {'loss'}
  for name, value in expected.items():
    assert float(metrics[name]) == pytest.approx(value, abs=1e-5), name
  total = expected['retriever_loss'] + expected['reader_loss']
  assert float(loss) == float(metrics['loss']) == pytest.approx(total, abs=1e-5)
  assert 0 < metrics['answer_in_reader'] < metrics['answer_in_beam'] < 1
  assert expected['retriever_loss'] > 0 and expected['reader_loss'] > 0


def test_loss_of_gold_evidence():
  model = make_model(
    retriever_gold_loss=0.5, reader_gold_loss=2.0, recall_at=(1, 4, 7)
  )
  expected = in_numpy(model, EVIDENCE)
  loss, metrics = model.loss_and_metrics(with_query(model, EVIDENCE))
  assert set(metrics) == set(expected) | {'loss'}
  for name, value in expected.items():
    assert float(metrics[name]) == pytest.approx(value, abs=1e-5), name
  assert expected['reader_gold_loss'] > expected['reader_loss'] > 0
  assert float(loss) == pytest.approx(
    expected['retriever_loss']
    + expected['reader_loss']
    + 0.5 * expected['retriever_gold_loss']
    + 2.0 * expected['reader_gold_loss'],
    abs=1e-5,
  )
  with pytest.raises(ValueError, match='features have no beam_is_gold'):
    model.loss_and_metrics(with_query(model), training=True)
  # In evaluation there is no metric of what is not known.
  loss, metrics = model.loss_and_metrics(with_query(model))
  assert not [name for name in metrics if 'gold' in name]
  assert float(loss) == pytest.approx(
    expected['retriever_loss'] + expected['reader_loss'], abs=1e-5
  )


def test_gold_evidence_is_measured_but_no_loss_by_default(model):
  loss, metrics = model.loss_and_metrics(with_query(model, EVIDENCE))
  expected = in_numpy(model, EVIDENCE)
  assert float(metrics['gold_in_beam']) == pytest.approx(2 / 3)
  assert float(metrics['gold_in_reader']) == pytest.approx(1 / 3)
  assert 'reader_gold_loss' not in metrics
  assert float(loss) == pytest.approx(
    expected['retriever_loss'] + expected['reader_loss'], abs=1e-5
  )


def test_questions_of_a_batch_do_not_mix(model):
  """The loss is the mean of those of the questions one by one."""
  features = with_query(model)
  alone = [
    float(
      model.loss_and_metrics(
        tf.nest.map_structure(lambda x: x[b : b + 1], features)  # noqa: B023
      )[0]
    )
    for b in range(BATCH)
  ]
  assert float(model.loss_and_metrics(features)[0]) == pytest.approx(
    np.mean(alone), abs=1e-5
  )
  assert alone[2] == 0


def test_what_was_not_found_does_not_count(model):
  features = with_query(model)
  short = {
    **features,
    'beam_embeddings': features['beam_embeddings'][:, :5],
    'beam_has_answer': features['beam_has_answer'][:, :5],
  }
  expected, _ = model.loss_and_metrics(short)
  masked = {
    **features,
    'beam_mask': tf.tile([[True] * 5 + [False] * 2], [3, 1]),
  }
  found, _ = model.loss_and_metrics(masked)
  assert float(found) == pytest.approx(float(expected), abs=1e-5)
  none = {**features, 'beam_mask': tf.zeros([3, 7], tf.bool)}
  assert float(model.loss_and_metrics(none)[0]) == 0
  assert (best_answers(model, none, 2)['start'].numpy() == -1).all()


def test_a_loss_of_nothing_has_no_gradient_and_no_nan():
  logits = tf.constant([[1.0, 2.0], [3.0, span_scores.NEVER]])
  correct = tf.constant([[False, False], [False, True]])
  with tf.GradientTape() as tape:
    tape.watch(logits)
    loss, found = open_qa.marginal_loss(logits, correct)
  assert loss.numpy().tolist() == [0, 0]
  assert found.numpy().tolist() == [False, False]
  assert not tape.gradient(loss, logits).numpy().any()


def test_gradients_equal_finite_differences():
  """Of reader and query embedder; the document side has none."""
  model = make_model(True, retriever_gold_loss=1.0, reader_gold_loss=1.0)
  embeddings = EVIDENCE['beam_embeddings']
  parts = {'reader': model.reader_variables, 'query': model.embedder_variables}
  assert sum(map(len, parts.values())) == len(model.trainable_variables)

  @tf.function
  def loss_of():
    return model.loss_and_metrics(with_query(model, EVIDENCE))[0]

  @tf.function
  def gradients_of():
    with tf.GradientTape() as tape:
      tape.watch(embeddings)
      loss = model.loss_and_metrics(with_query(model, EVIDENCE))[0]
    fixed = [*model.embedder.document_tower.variables, embeddings]
    return tape.gradient(loss, [parts, fixed])

  gradients, of_fixed = gradients_of()
  assert not any(g is not None for g in of_fixed)
  # Small steps, because the hidden units of spans have kinks.
  check_finite_differences(parts, gradients, loss_of, step=1e-4, atol=2e-2)


def test_every_variable_gets_a_gradient(model):
  with tf.GradientTape() as tape:
    features = with_query(model, training=True)
    loss, _ = model.loss_and_metrics(features, training=True)
  gradients = tape.gradient(loss, model.trainable_variables)
  assert all(g is not None for g in gradients)


def best_answers(model, features, top_n):
  outputs = model(features)
  retriever = outputs['retriever_logits'][:, :2]
  return span_scores.best_answers(retriever, outputs['reader_logits'], top_n)


def test_best_answers(model):
  features = with_query(model)
  outputs = {key: x.numpy() for key, x in model(features).items()}
  found = {
    key: x.numpy() for key, x in best_answers(model, features, 4).items()
  }
  for b in range(BATCH):
    ranked = np.argsort(-outputs['logits'][b].ravel())[:4]
    total = log_sum_exp(outputs['logits'][b])
    for rank, place in enumerate(ranked):
      k, s, w = np.unravel_index(place, outputs['logits'].shape[1:])
      its = {key: x[b, rank] for key, x in found.items()}
      # Spans may be equally good.
      assert its['score'] == pytest.approx(
        outputs['logits'][b, k, s, w], abs=1e-4
      )
      k, s, w = its['block'], its['start'], its['end'] - its['start']
      retriever = outputs['retriever_logits'][b, k]
      reader = outputs['reader_logits'][b, k, s, w]
      for key, expected in (
        ('retriever_score', retriever),
        (
          'retriever_log_prob',
          retriever - log_sum_exp(outputs['retriever_logits'][b, :2]),
        ),
        ('score', retriever + reader),
        ('log_prob', retriever + reader - total),
        (
          'reader_log_prob',
          reader - log_sum_exp(outputs['reader_logits'][b, k]),
        ),
      ):
        assert its[key] == pytest.approx(expected, abs=1e-4), key


def test_more_answers_than_there_are(model):
  features = with_query(model)
  few = make_joint([3, 5, 4], [[1, 0], [2, 0], [0, 0]])
  found = best_answers(model, {**features, 'joint': few}, 5)
  real = (found['start'].numpy() >= 0).sum(1)
  assert real.tolist() == [1, 3, 0]
  for key in ('score', 'log_prob'):
    assert np.isfinite(found[key].numpy()[:2, 0]).all()
    assert not np.isnan(found[key]).any()
  for key in ('log_prob', 'reader_log_prob'):
    assert (found[key].numpy()[found['start'] < 0] < -1e8).all()


def test_one_trace_serves_all_lengths(model):
  traces = []

  @tf.function(reduce_retracing=True)
  def step(features):
    traces.append(1)
    return model.loss_and_metrics(features, training=True)[0]

  for blocks in ([[9, 4]] * 3, [[2, 13]] * 3, [[6, 7]] * 3, [[1, 3]] * 3):
    joint = make_joint([3, 5, 4], blocks)
    assert np.isfinite(step({**with_query(model), 'joint': joint}))
  assert len(traces) == 2


# What follows compares with the original's own numbers.


@pytest.fixture(scope='module')
def golden():
  folder = shared_data.path('goldens')
  model, cases = (
    orqa_goldens.load_model(folder),
    orqa_goldens.load_cases(folder),
  )
  for case in cases:
    case.features['query_embedding'] = model.embed_queries(case.query)
  return model, cases


def original_spans(case):
  """First wordpiece in the block, and width - 1, of the original's spans."""
  length = case.arrays['token_ids'].shape[1]
  starts = [np.arange(length - w) for w in range(10)]
  wider = [np.full(length - w, w) for w in range(10)]
  return np.concatenate(starts) - case.first, np.concatenate(wider)


def test_golden_inputs(golden):
  _, cases = golden
  for case in cases:
    np.testing.assert_array_equal(
      case.features['joint']['input_word_ids'][0], case.arrays['token_ids']
    )
    for side in ('gold_starts', 'gold_ends'):
      ours = case.features[side][0].numpy()
      np.testing.assert_array_equal(
        np.where(ours < 0, -1, ours + case.first), case.arrays[side]
      )
    has_answer = [
      any(answer in body for answer in case.facts['answers'])
      for body in case.bodies
    ]
    ours = case.features['beam_has_answer'][0].numpy()
    assert ours.tolist() == has_answer


def test_the_original_has_one_rule_for_the_beam_and_another_to_read(golden):
  """For it 'the' stands in 'other' and not in 'The' when it retrieves.

  Ours goes by wordpieces in both.
  """
  _, cases = golden
  for case in cases:
    by_bytes = case.features['beam_has_answer'][0].numpy()
    by_ids = case.has_answer_in_ids
    read = (case.features['gold_starts'][0].numpy() >= 0).any(1)
    assert (by_ids[: len(read)] >= read).all()
    for row in np.flatnonzero(by_bytes != by_ids):
      body, answers = case.bodies[row], case.facts['answers']
      # In another case, or inside of a wordpiece.
      assert any(a.lower() in body.lower() for a in answers)
    assert (by_ids.tolist() != by_bytes.tolist()) == (
      case.facts['answers'] == ['the', 'first']
    )


def test_golden_logits(golden):
  model, cases = golden
  for case in cases:
    outputs = {key: x[0].numpy() for key, x in model(case.features).items()}
    starts, wider = original_spans(case)
    logits = outputs['logits']
    inside = (starts >= 0) & (starts < logits.shape[1])
    expected = case.arrays['logits']
    # The original takes 10,000 off where a span is none.
    is_span = expected > -5000
    assert not is_span[:, ~inside].any()
    found = logits[:, starts[inside], wider[inside]]
    np.testing.assert_array_equal(
      found > span_scores.NEVER / 2, is_span[:, inside]
    )
    assert (logits > span_scores.NEVER / 2).sum() == is_span.sum() > 5000
    correct = span_scores.is_gold(
      case.features['gold_starts'],
      case.features['gold_ends'],
      logits[np.newaxis],
    )[0].numpy()
    assert correct.sum() == case.facts['n_gold']
    np.testing.assert_array_equal(
      correct[:, starts[inside], wider[inside]],
      case.arrays['reader_correct'][:, inside],
    )


def test_golden_losses(golden):
  model, cases = golden
  kinds = set()
  for case in cases:
    loss, metrics = model.loss_and_metrics(case.features)
    assert float(loss) == pytest.approx(case.facts['loss'], rel=1e-5)
    kinds.add(
      (bool(metrics['answer_in_beam']), bool(metrics['answer_in_reader']))
    )
  assert kinds == {(False, False), (True, False), (True, True)}
