"""Converse, the protocol of Amazon Bedrock for the models of all makers."""
