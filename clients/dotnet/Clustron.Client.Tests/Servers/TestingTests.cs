using System.Diagnostics;
using Clustron.Testing;

namespace Clustron.Tests;

/// <summary>Servers for tests end with the test.</summary>
public class TestingTests : ServerTest
{
    [Fact]
    public async Task A_server_and_its_data_end_with_the_process_that_started_it()
    {
        await using ClustronServer server = await ClustronServer.StartAsync();
        ClustronNode node = server.Nodes[0];
        string data = (await (await Connect(server)).Database.ExecuteAsync("CONFIG", "GET", "dir"))[1].ToString();
        Assert.True(Directory.Exists(data));
        node.Abandon();
        await Wait.Until(() => !node.IsRunning, "the server ends");
        Assert.Equal(137, node.ExitCode); // and not for want of its data
        await Wait.Until(() => !Directory.Exists(Path.GetDirectoryName(data)), "its data are gone");
    }

    [Fact]
    public async Task What_is_killed_and_started_again_keeps_its_data()
    {
        await using ClustronServer server = await ClustronServer.StartAsync();
        ClustronClient client = await Connect(server);
        await client.KeyValue.PutAsync("k", "v");
        server.Nodes[0].Stop();
        await Task.Delay(1500); // longer than what waits for an end takes
        server.Nodes[0].Start();
        await server.WaitReadyAsync();
        Assert.Equal("v", (string?)(await client.KeyValue.GetAsync("k")).Value);
        server.Nodes[0].Kill();
        Assert.False(server.Nodes[0].IsRunning);
    }

    [Fact]
    public void An_end_that_two_threads_tell_is_told()
    {
        for (int round = 0; round < 1000; ++round)
        {
            var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true };
            foreach (string argument in (string[])["-c", "read -r line"]) start.ArgumentList.Add(argument);
            using Process reader = Process.Start(start)!;
            int ready = 0;
            Thread[] tellers = [new(Tell), new(Tell)];
            foreach (Thread teller in tellers) teller.Start();
            foreach (Thread teller in tellers) teller.Join();
            reader.WaitForExit();
            Assert.True(reader.ExitCode == 0, $"round {round}: the pipe was closed, and no line came");

            void Tell()
            {
                Interlocked.Increment(ref ready);
                SpinWait.SpinUntil(() => Volatile.Read(ref ready) == 2);
                ClustronNode.Unleash(reader);
            }
        }
    }
}
