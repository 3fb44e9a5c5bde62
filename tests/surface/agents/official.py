"""An agent without a model: the official client of MCP, as a command that meets the office.

python official.py TASK_FILE TOOL ARGUMENTS
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main(task: str, tool: str, arguments: str) -> None:
    headers = {"Authorization": f"Bearer {os.environ['CORNERED_MCP_TOKEN']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=300) as http:
        transport = streamable_http_client(os.environ["CORNERED_MCP_URL"], http_client=http)
        async with Client(transport) as office:
            assert (await office.get_prompt("task")).messages[0].content.text == task
            assert tool in [each.name for each in (await office.list_tools()).tools]
            result = await office.call_tool(tool, json.loads(arguments))
            print(result.content[0].text)


asyncio.run(main(Path(sys.argv[1]).read_text(encoding="utf-8"), *sys.argv[2:]))
