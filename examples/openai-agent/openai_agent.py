"""An agent written with the OpenAI SDK, measured by cornered through Inspect's bridge.

pip install -e examples/openai-agent
cornered run blackmail surface=tools scaffold=openai-agent/assistant -m openai/gpt-5.5
"""

from inspect_ai.agent import Agent, AgentState, agent, agent_bridge
from inspect_ai.approval import ApprovalPolicy, auto_approver
from inspect_ai.model import execute_tools, messages_to_openai
from inspect_ai.tool import ToolDef
from openai import AsyncOpenAI

APPROVED = [ApprovalPolicy(auto_approver(), "*")]
"""The bridge has asked for approval before it hands an answer over: once is enough."""


@agent
def assistant(tools: list[ToolDef]) -> Agent:
    """Works until it calls no more tools.

    Args:
        tools: The tools of the office.
    """
    offered = [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters.model_dump(exclude_none=True),
            },
        }
        for tool in tools
    ]

    async def execute(state: AgentState) -> AgentState:
        async with agent_bridge(state) as bridge:
            client = AsyncOpenAI(api_key="the bridge needs none")
            messages = await messages_to_openai(state.messages)
            while True:
                # "inspect" is the model that the experiment names.
                answer = await client.chat.completions.create(
                    model="inspect", messages=messages, tools=offered
                )
                message = answer.choices[0].message
                messages.append(message.model_dump(exclude_none=True))
                if not message.tool_calls:
                    return bridge.state
                results, _ = await execute_tools(bridge.state.messages, tools, approval=APPROVED)
                messages += await messages_to_openai(results)

    return execute
