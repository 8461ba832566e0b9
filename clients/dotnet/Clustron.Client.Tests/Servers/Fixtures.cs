using Clustron.Testing;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>A node alone that several tests use, with keys of their own.</summary>
public sealed class SingleServer : IAsyncLifetime
{
    public ClustronServer Server { get; private set; } = null!;

    public async Task InitializeAsync() => Server = await ClustronServer.StartAsync();
    public async Task DisposeAsync() => await Server.DisposeAsync();
}

[CollectionDefinition(nameof(SingleServer))]
public sealed class SingleServerCollection : ICollectionFixture<SingleServer>;

/// <summary>A client, and names that no other test has.</summary>
public abstract class ServerTest : IAsyncLifetime
{
    private readonly List<ClustronClient> _clients = [];

    protected static TimeSpan Ms(int ms) => TimeSpan.FromMilliseconds(ms);

    protected string Name { get; } = "t:" + Guid.NewGuid().ToString("N")[..12] + ":";

    protected async Task<ClustronClient> Connect(ClustronServer server, RedisProtocol protocol = RedisProtocol.Resp2, Action<ClustronOptions>? configure = null)
    {
        ClustronClient client = await server.ConnectAsync(options =>
        {
            options.ConfigurationOptions!.Protocol = protocol;
            configure?.Invoke(options);
        });
        _clients.Add(client);
        return client;
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (ClustronClient client in _clients) await client.DisposeAsync();
    }
}
