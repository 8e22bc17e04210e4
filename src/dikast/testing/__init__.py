"""Judges in test suites: what stands behind the pytest plugin, and needs no pytest.

sitting    a bench that stays open for one interaction after another, from threads and event loops
ruling     a judge as tests use it, and what it ruled
tally      what judges said in a session, summed up with intervals
"""
